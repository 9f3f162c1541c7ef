/* cpu - CPUID through the compiler's builtins, which look at XCR0 too. */
#include "cpu.h"

const char *cpu_target(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	/* The four that MLAS asks for before it uses its AVX-512 kernels; Knights Landing has F alone. */
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return "linux-x86_64/cpu-avx512";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return "linux-x86_64/cpu-avx2";
	return "linux-x86_64/cpu-sse2";
#elif defined(__aarch64__)
	return "linux-aarch64/cpu-neon";
#else
	return "";
#endif
}
