/* What a toolchain driver may send: every reader of replies on one line. */
#include "build/message.h"

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *doc = json_doc_new();
	struct arena a = ARENA_INIT(16 * MIB);
	struct err e = ERR_INIT;
	struct json m;
	const char *log;
	if (doc && message_read(doc, span_bytes(data, size), &a, &m, &log, &e) == 0) {
		struct message_greeting greeting = { 0 };
		struct toolchain_probe probe = { 0 };
		struct toolchain_built built = { 0 };
		struct toolchain_inspection inspection = { 0 };
		struct toolchain_iteration iteration = { 0 };
		struct toolchain_iterate request = { .iterations = 2, .output_prefix = "/o/" };
		int64_t usec;
		(void)!message_read_hello(m, &a, &greeting, &e);
		(void)!message_read_probe(m, &a, &probe, &e);
		(void)!message_read_build(m, &a, &built, &e);
		(void)!message_read_load(m, &usec, &e);
		(void)!message_read_iteration(m, &request, &a, &iteration, &e);
		if (message_read_inspection(m, &a, &inspection, &e) == 0) {
			/* what was read can be asked for again */
			struct toolchain_tensor_file file = { SPAN("x"), "/i" };
			if (inspection.input_count > 0)
				file.name = inspection.inputs[0].name;
			request.inputs = &file;
			request.input_count = 1;
			struct str line = STR_INIT(TOOLCHAIN_MAX_MESSAGE);
			(void)!message_iterate(&request, &inspection, &line, &e);
			str_release(&line);
		}
	}
	arena_release(&a);
	json_doc_free(doc);
	return 0;
}
