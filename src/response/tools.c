/* Toolchains loaded once (tools.h). */
#include "response/tools.h"

#include "response/response.h"

#include <pthread.h>

struct tool {
	const struct toolchain_kind *kind;
	const char *version;
	bool loaded, probed, has_probe;
	const char *why;
	struct toolchain toolchain;
	struct toolchain_probe probe;
};

struct tools {
	pthread_mutex_t lock;
	const struct response_context *context;
	struct arena a;
	struct tool list[TOOLS_MAX];
	size_t count;
};

int tools_new(const struct response_context *context, struct tools **ret, struct err *err)
{
	struct tools *t = rf_alloc(sizeof *t);
	if (!t)
		return err_set(err, RF_ENOMEM, "no memory for the toolchains");
	pthread_mutex_init(&t->lock, NULL);
	t->context = context;
	t->a = ARENA_INIT(64 * MIB);
	*ret = t;
	return 0;
}

void tools_freep(struct tools **tools)
{
	if (!*tools)
		return;
	pthread_mutex_destroy(&(*tools)->lock);
	arena_release(&(*tools)->a);
	rf_free(*tools);
	*tools = NULL;
}

enum toolchain_isolation tools_isolation(const struct response_context *context)
{
	return context->isolate ? TOOLCHAIN_ISOLATION_REQUIRED : TOOLCHAIN_ISOLATION_BEST;
}

static void load(struct tools *t, struct tool *tool)
{
	const struct workspace *w = t->context->workspace;
	const struct workspace_toolchain *family = workspace_toolchain(w, span_of(tool->kind->name));
	const struct workspace_toolchain_version *v =
		workspace_toolchain_version(w, span_of(tool->kind->name), span_of(tool->version));
	tool->loaded = true;
	struct err err = ERR_INIT;
	if (!*tool->version && !tool->kind->needs_library) {
		if (toolchain_load(tool->kind, "", "", family ? family->driver : NULL, NULL, &t->a, &tool->toolchain,
				   &err))
			tool->why = "its driver does not load";
		return;
	}
	if (!family || !v) {
		tool->why = "not in reforge.yaml";
		return;
	}
	struct digest expected;
	int rc = v->sha256 ? digest_read(span_of(v->sha256), &expected, &err) : 0;
	if (!rc)
		rc = toolchain_load(tool->kind, tool->version, v->library ? v->library : "", family->driver,
				    v->sha256 ? &expected : NULL, &t->a, &tool->toolchain, &err);
	if (rc) {
		char text[2048];
		tool->why = arena_text(&t->a, span_of(err_render(&err, text, sizeof text)));
		if (!tool->why)
			tool->why = "it does not load";
	}
}

/* With the lock held. NULL: the table is full. */
static struct tool *find(struct tools *t, const struct toolchain_kind *kind, const char *version)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].kind == kind && !strcmp(t->list[i].version, version))
			return &t->list[i];
	char *copy = arena_text(&t->a, span_of(version));
	if (t->count == TOOLS_MAX || !copy)
		return NULL;
	struct tool *tool = &t->list[t->count++];
	tool->kind = kind;
	tool->version = copy;
	load(t, tool);
	return tool;
}

const struct toolchain *tools_get(struct tools *t, const struct toolchain_kind *kind, const char *version,
				  const char **ret_why)
{
	pthread_mutex_lock(&t->lock);
	struct tool *tool = find(t, kind, version);
	const char *why = tool ? tool->why : "too many toolchain versions in one workspace";
	pthread_mutex_unlock(&t->lock);
	if (ret_why)
		*ret_why = why;
	return tool && !why ? &tool->toolchain : NULL;
}

const struct toolchain_probe *tools_probe(struct tools *t, const struct toolchain_kind *kind, const char *version)
{
	pthread_mutex_lock(&t->lock);
	struct tool *tool = find(t, kind, version);
	if (tool && !tool->why && !tool->probed) {
		struct err err = ERR_INIT;
		struct toolchain_limits limits = { .deadline_usec = 60 * USEC_PER_SEC,
						   .isolation = tools_isolation(t->context) };
		tool->has_probe = toolchain_probe(&tool->toolchain, &limits, &t->a, &tool->probe, &err) == 0;
		tool->probed = true;
	}
	const struct toolchain_probe *probe = tool && tool->has_probe ? &tool->probe : NULL;
	pthread_mutex_unlock(&t->lock);
	return probe;
}

const struct toolchain_probe *tools_machine(struct tools *t, const struct toolchain_kind *kind)
{
	return kind->needs_library ? NULL : tools_probe(t, kind, "");
}
