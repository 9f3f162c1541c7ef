/*
 * ort_api - the part of ONNX Runtime's C API that this driver calls, declared by slot.
 *
 * OrtApi is a table of function pointers to which releases only append (onnxruntime_c_api.h: "Size of version N API cannot
 * change"), so a slot number and a signature are all that a call needs, and one driver serves every library from API 12 on.
 * Slot numbers were measured with offsetof on the v29 header and compared with the libraries of 1.12 to 1.30.
 * Every function with a status result returns NULL for success or a status that the caller releases.
 */
#ifndef REFORGE_ORT_API_H
#define REFORGE_ORT_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque on both sides. */
struct ort_status;
struct ort_env;
struct ort_session;
struct ort_session_options;
struct ort_value;
struct ort_memory_info;
struct ort_allocator;
struct ort_type_info;
struct ort_tensor_info;
struct ort_metadata;
struct ort_run_options;

/* OrtApiBase: GetApi(version) is NULL when the library is older; GetVersionString() is "1.20.1". */
struct ort_api_base {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version_string)(void);
};

#define ORT_MIN_API 12    /* the oldest release whose libraries were tried */

/* OrtLoggingFunction */
typedef void (*ort_log_function)(void *data, int severity, const char *category, const char *log_id, const char *location,
				 const char *message);

enum { ORT_LOG_VERBOSE, ORT_LOG_INFO, ORT_LOG_WARNING, ORT_LOG_ERROR, ORT_LOG_FATAL };

/* GraphOptimizationLevel */
enum { ORT_LEVEL_NONE = 0, ORT_LEVEL_BASIC = 1, ORT_LEVEL_EXTENDED = 2, ORT_LEVEL_ALL = 99 };

/* ONNXType */
enum { ORT_TYPE_TENSOR = 1 };

/* OrtErrorCode, the values that mean something of their own here */
enum { ORT_NO_SUCHFILE = 3, ORT_INVALID_PROTOBUF = 7, ORT_NOT_IMPLEMENTED = 9 };

/* slot, name, result, parameters */
#define ORT_SLOTS(X)                                                                                                           \
	X(1, GetErrorCode, int, (const struct ort_status *))                                                                   \
	X(2, GetErrorMessage, const char *, (const struct ort_status *))                                                       \
	X(4, CreateEnvWithCustomLogger, struct ort_status *,                                                                   \
	  (ort_log_function, void *data, int severity, const char *log_id, struct ort_env **))                                 \
	X(6, DisableTelemetryEvents, struct ort_status *, (const struct ort_env *))                                            \
	X(7, CreateSession, struct ort_status *,                                                                               \
	  (const struct ort_env *, const char *path, const struct ort_session_options *, struct ort_session **))               \
	X(8, CreateSessionFromArray, struct ort_status *,                                                                      \
	  (const struct ort_env *, const void *bytes, size_t n, const struct ort_session_options *, struct ort_session **))    \
	X(9, Run, struct ort_status *,                                                                                         \
	  (struct ort_session *, const struct ort_run_options *, const char *const *input_names,                               \
	   const struct ort_value *const *inputs, size_t input_count, const char *const *output_names, size_t output_count,    \
	   struct ort_value **outputs))                                                                                        \
	X(10, CreateSessionOptions, struct ort_status *, (struct ort_session_options **))                                      \
	X(11, SetOptimizedModelFilePath, struct ort_status *, (struct ort_session_options *, const char *))                    \
	X(22, SetSessionLogSeverityLevel, struct ort_status *, (struct ort_session_options *, int))                            \
	X(23, SetSessionGraphOptimizationLevel, struct ort_status *, (struct ort_session_options *, int))                      \
	X(24, SetIntraOpNumThreads, struct ort_status *, (struct ort_session_options *, int))                                  \
	X(25, SetInterOpNumThreads, struct ort_status *, (struct ort_session_options *, int))                                  \
	X(30, SessionGetInputCount, struct ort_status *, (const struct ort_session *, size_t *))                               \
	X(31, SessionGetOutputCount, struct ort_status *, (const struct ort_session *, size_t *))                              \
	X(33, SessionGetInputTypeInfo, struct ort_status *, (const struct ort_session *, size_t, struct ort_type_info **))     \
	X(34, SessionGetOutputTypeInfo, struct ort_status *, (const struct ort_session *, size_t, struct ort_type_info **))    \
	X(36, SessionGetInputName, struct ort_status *,                                                                        \
	  (const struct ort_session *, size_t, struct ort_allocator *, char **))                                               \
	X(37, SessionGetOutputName, struct ort_status *,                                                                       \
	  (const struct ort_session *, size_t, struct ort_allocator *, char **))                                               \
	X(49, CreateTensorWithDataAsOrtValue, struct ort_status *,                                                             \
	  (const struct ort_memory_info *, void *data, size_t bytes, const int64_t *shape, size_t rank, int type,              \
	   struct ort_value **))                                                                                               \
	X(50, IsTensor, struct ort_status *, (const struct ort_value *, int *))                                                \
	X(51, GetTensorMutableData, struct ort_status *, (struct ort_value *, void **))                                        \
	X(55, CastTypeInfoToTensorInfo, struct ort_status *, (const struct ort_type_info *, const struct ort_tensor_info **))  \
	X(56, GetOnnxTypeFromTypeInfo, struct ort_status *, (const struct ort_type_info *, int *))                             \
	X(60, GetTensorElementType, struct ort_status *, (const struct ort_tensor_info *, int *))                              \
	X(61, GetDimensionsCount, struct ort_status *, (const struct ort_tensor_info *, size_t *))                             \
	X(62, GetDimensions, struct ort_status *, (const struct ort_tensor_info *, int64_t *, size_t))                         \
	X(65, GetTensorTypeAndShape, struct ort_status *, (const struct ort_value *, struct ort_tensor_info **))               \
	X(69, CreateCpuMemoryInfo, struct ort_status *, (int allocator, int memory, struct ort_memory_info **))                \
	X(76, AllocatorFree, struct ort_status *, (struct ort_allocator *, void *))                                            \
	X(78, GetAllocatorWithDefaultOptions, struct ort_status *, (struct ort_allocator **))                                  \
	X(92, ReleaseEnv, void, (struct ort_env *))                                                                            \
	X(93, ReleaseStatus, void, (struct ort_status *))                                                                      \
	X(94, ReleaseMemoryInfo, void, (struct ort_memory_info *))                                                             \
	X(95, ReleaseSession, void, (struct ort_session *))                                                                    \
	X(96, ReleaseValue, void, (struct ort_value *))                                                                        \
	X(98, ReleaseTypeInfo, void, (struct ort_type_info *))                                                                 \
	X(99, ReleaseTensorTypeAndShapeInfo, void, (struct ort_tensor_info *))                                                 \
	X(100, ReleaseSessionOptions, void, (struct ort_session_options *))                                                    \
	X(111, SessionGetModelMetadata, struct ort_status *, (const struct ort_session *, struct ort_metadata **))             \
	X(112, ModelMetadataGetProducerName, struct ort_status *,                                                              \
	  (const struct ort_metadata *, struct ort_allocator *, char **))                                                      \
	X(116, ModelMetadataLookupCustomMetadataMap, struct ort_status *,                                                      \
	  (const struct ort_metadata *, struct ort_allocator *, const char *key, char **value))                                \
	X(118, ReleaseModelMetadata, void, (struct ort_metadata *))                                                            \
	X(130, AddSessionConfigEntry, struct ort_status *, (struct ort_session_options *, const char *key, const char *value))

/* Slots that came later: called only where the library's API number reaches. */
#define ORT_API_BUILD_INFO 15     /* GetBuildInfoString */
#define ORT_API_DETERMINISTIC 17  /* SetDeterministicCompute */
#define ORT_LATER_SLOTS(X)                                                                                                     \
	X(254, GetBuildInfoString, const char *, (void))                                                                       \
	X(273, SetDeterministicCompute, struct ort_status *, (struct ort_session_options *, bool))

struct ort_functions {
#define X(slot, name, result, parameters) result(*name) parameters;
	ORT_SLOTS(X)
	ORT_LATER_SLOTS(X)
#undef X
};

#endif
