/*
 * cpu - the target of this machine, as far as an engine built here depends on it.
 *
 * At its highest level ONNX Runtime lays weights out for the vector width it finds (com.microsoft.nchwc: blocks of 16 floats
 * with AVX-512, 8 without), so an engine is for a class of processors: cpu-avx512, cpu-avx2, cpu-sse2, cpu-neon.
 */
#ifndef REFORGE_ORT_CPU_H
#define REFORGE_ORT_CPU_H

/* "linux-x86_64/cpu-avx512". Static. CPUID and, through it, what the operating system saves of the registers. */
const char *cpu_target(void);

#endif
