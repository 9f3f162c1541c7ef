/*
 * Models that the texts of a container name: `env`, `command`, `args`, what its hooks and probes run. A text may be one
 * path or address, a list of them, a line for a shell, or settings in JSON: it is looked at word by word, and each word
 * with what holds it, "--engine" or "MODEL_PATH".
 */
#include "inventory/kubernetes_int.h"

/* One container whose texts are looked at. */
struct naming {
	struct kube_set *s;
	struct kube_workload *w;
	const struct kube_mounted *in;
	struct kube_variables *variables;
	struct json container;
	const char *kind; /* "env", "argument" */
	struct span env;  /* its name; empty: an argument */
	bool moved;       /* its working folder lies on a volume: what is named without a '/' in front may, too */
	struct err *err;
};

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What a shell, JSON or YAML puts between words; of a list "/a:/b,s3://c" what stands in front of its next place. */
static bool separates(struct span text, size_t at)
{
	struct span rest = span_from(text, at + 1);
	switch (text.p[at]) {
	case ' ': case '\t': case '\n': case '\r': case '\f': case '\v': case '\'': case '"': case '\\': case ';': case '|':
	case '&': case '<': case '>': case '(': case ')': case '[': case ']': case '{': case '}':
		return true;
	case ',':
		return span_starts(rest, "/") || kube_stores_models(rest);
	case ':':
		return span_starts(rest, "/") && !span_starts(rest, "//");
	default:
		return false;
	}
}

/* "$(NAME)" and "${NAME}" stand within a word; of "$(cat x)" the head does. Its length; 0: none begins at @at. */
static size_t reference_length(struct span text, size_t at)
{
	size_t n = at + 2;
	if (text.p[at] != '$' || n > text.n || (text.p[at + 1] != '(' && text.p[at + 1] != '{'))
		return 0;
	while (n < text.n && (text.p[n] == '_' || text.p[n] == '-' || text.p[n] == '.' || ((text.p[n] | 32) >= 'a' && (text.p[n] | 32) <= 'z') ||
			      (text.p[n] >= '0' && text.p[n] <= '9')))
		n++;
	return n < text.n && text.p[n] == (text.p[at + 1] == '(' ? ')' : '}') ? n + 1 - at : 2;
}

/* Empty: there are no more. */
static struct span next_word(struct span *rest)
{
	struct span text = *rest;
	size_t from = 0;
	while (from < text.n && separates(text, from))
		from++;
	size_t n = from;
	while (n < text.n && !separates(text, n))
		n += RF_MAX(reference_length(text, n), (size_t)1);
	*rest = span_from(text, n);
	return span_sub(text, from, n - from);
}

/* "--model-repository" of "--model-repository=/models": the length of what stands before '='; 0: it has none. */
static size_t holder_length(struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];
		if (c == '=')
			return i;
		if (c != '-' && c != '_' && c != '.' && !((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9'))
			return 0;
	}
	return 0;
}

/* ── A model ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int model_add(struct naming *n, struct span holder, struct span uri, bool is_open)
{
	struct span by = span_sub(n->env.n ? n->env : holder, 0, 200);
	struct kube_model m = { .where = by.n ? arena_printf(&n->s->arena, "%s %.*s", n->kind, SPAN_ARG(by)) : n->kind,
				.container = n->in->container, .pod = n->in->pod, .is_open = is_open };
	return kube_model_put(n->s, n->w, &m, uri, n->err);
}

/* Behind the folder that the container starts in, when the object says which. */
static struct span from_folder(struct naming *n, struct span path)
{
	struct span folder = json_string(json_get(n->container, "workingDir"));
	if (!span_starts(folder, "/"))
		return path;
	return span_of(arena_printf(&n->s->arena, "%.*s/%.*s", SPAN_ARG(folder), SPAN_ARG(path)));
}

/* @alone: nothing else stands in the text, so that no shell has gone elsewhere before. */
static int word_take(struct naming *n, struct span holder, struct span word, bool alone)
{
	bool is_open;
	int rc = kube_expand(n->s, n->variables, word, true, &word, &is_open, n->err);
	is_open |= span_find_byte(word, '`') != SIZE_MAX;
	if (rc || !word.n || word.p[0] == '-')
		return rc;
	bool relative = word.p[0] != '/' && span_find(word, SPAN("://")) == SIZE_MAX;
	bool begins_open = is_open && (word.p[0] == '$' || word.p[0] == '`');
	/* the holder last: most words are no reference and no path, and a review looks at all of them */
	if (!kube_names_model(holder, word) &&
	    !((begins_open || (relative && alone && n->moved)) && kube_names_place(holder)))
		return 0;
	if (relative && alone && !begins_open)
		word = from_folder(n, word);
	return word.n ? model_add(n, holder, word, is_open) : kube_no_memory(n->err);
}

/* A text without any of these names no model, whatever holds it: no path, no address, no file's name, no reference. A
 * review reads all settings of all containers, and most are such. */
static bool may_name(const struct naming *n, struct span text)
{
	if (n->moved)
		return true; /* any word is a name there */
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '/' || text.p[i] == '.' || text.p[i] == '$' || text.p[i] == '`')
			return true;
	return false;
}

/* All words of @text. @before: what holds the first one, and afterwards what holds the text behind. */
static int text_take(struct naming *n, struct span text, struct span *before)
{
	struct span rest = text, word, holder = *before, last = SPAN("");
	int rc = 0;
	for (; rc == 0 && (word = next_word(&rest)).n; last = word) {
		struct span value = SPAN("");
		size_t head = holder_length(word), slash = span_find_byte(word, '/');
		if (head) {
			holder = span_sub(word, 0, head);
			value = span_from(word, head + 1);
		} else if (span_ends(word, ":")) {
			holder = word.n == 1 ? last : span_sub(word, 0, word.n - 1); /* "model": "/models/a" */
		} else if (word.p[0] == '-') {
			holder = span_sub(word, 0, slash); /* "--engine", "-m/models/a" */
			value = span_from(word, slash);
		} else {
			value = word;
		}
		if (!value.n)
			continue; /* it holds what stands behind it */
		rc = word_take(n, holder.n ? holder : n->env, value, word.n == text.n);
		if (!span_starts(rest, ",") && !span_starts(rest, ":")) /* it holds all of a list */
			holder = SPAN("");
	}
	*before = holder;
	return rc;
}

/* ── Where texts stand ───────────────────────────────────────────────────────────────────────────────────────────── */

/* A reference to a place is no model that anybody could look up, and no sign that there is none. */
static int reference_take(struct naming *n, struct json from)
{
	static const struct {
		const char *member, *word, *name, *key;
	} kinds[] = { { "configMapKeyRef", "configMap", "name", "key" }, { "secretKeyRef", "secret", "name", "key" },
		      { "fileKeyRef", "file", "path", "key" }, { "fieldRef", "field", "fieldPath", NULL } };
	for (size_t i = 0; i < RF_COUNT(kinds); i++) {
		struct json one = json_get(from, kinds[i].member);
		struct span name = json_string(json_get(one, kinds[i].name)), key = json_string(json_get(one, kinds[i].key ? kinds[i].key : ""));
		/* names, addresses and numbers of the pod are no places */
		if (!name.n || (!kinds[i].key && !span_starts(name, "metadata.annotations") && !span_starts(name, "metadata.labels")))
			continue;
		const char *uri = arena_printf(&n->s->arena, "%s %.*s%s%.*s", kinds[i].word, SPAN_ARG(span_sub(name, 0, 300)),
					       key.n ? " key " : "", SPAN_ARG(span_sub(key, 0, 300)));
		return uri ? model_add(n, SPAN(""), span_of(uri), true) : kube_no_memory(n->err);
	}
	return 0;
}

static int env_take(struct naming *n)
{
	size_t i = 0;
	int rc = 0;
	n->kind = "env";
	for (struct json_each it = json_each(json_get(n->container, "env")); rc == 0 && json_next(&it); i++) {
		struct span text = json_string(json_get(it.value, "value")), before = SPAN("");
		bool is_open;
		n->env = json_string(json_get(it.value, "name"));
		if (text.n) {
			rc = kube_variable_value(n->s, n->variables, i, text, &text, &is_open, n->err);
			rc = rc || !may_name(n, text) ? rc : text_take(n, text, &before);
		} else if (kube_names_place(n->env)) {
			rc = reference_take(n, json_get(it.value, "valueFrom"));
		}
	}
	n->env = SPAN("");
	return rc;
}

static int arguments_take(struct naming *n, struct json list)
{
	struct span before = SPAN("");
	int rc = 0;
	n->kind = "argument";
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);) {
		struct span text;
		bool is_open;
		rc = kube_expand(n->s, n->variables, json_string(it.value), false, &text, &is_open, n->err);
		rc = rc ? rc : text_take(n, text, &before);
	}
	return rc;
}

int kube_texts_read(struct kube_set *s, struct kube_workload *w, struct json container, const struct kube_mounted *in,
		    struct kube_variables *variables, struct err *err)
{
	static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };
	static const char *const hooks[] = { "postStart", "preStop" };
	struct naming n = { .s = s, .w = w, .in = in, .variables = variables, .container = container, .env = SPAN(""), .err = err };
	n.moved = kube_is_mounted(in, json_string(json_get(container, "workingDir")));
	int rc = env_take(&n);
	if (rc == 0)
		rc = arguments_take(&n, json_get(container, "command"));
	if (rc == 0)
		rc = arguments_take(&n, json_get(container, "args"));
	for (size_t i = 0; rc == 0 && i < RF_COUNT(probes); i++)
		rc = arguments_take(&n, json_path(container, probes[i], "exec", "command", NULL));
	for (size_t i = 0; rc == 0 && i < RF_COUNT(hooks); i++)
		rc = arguments_take(&n, json_path(container, "lifecycle", hooks[i], "exec", "command", NULL));
	return rc;
}
