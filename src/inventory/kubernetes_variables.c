/*
 * A container's variables, and $(NAME) in its texts filled in as the kubelet does it (its expansion package): names that
 * stand before in `env`, "$$" as "$", a name that nothing gives left as it is. Only what the object itself says is known:
 * valueFrom, envFrom and what the cluster adds are not, and a text that needs them is told as open.
 */
#include "inventory/kubernetes_int.h"

/* Linux starts no program with a longer argument or variable (MAX_ARG_STRLEN). */
#define MAX_EXPANDED (128 * KIB)
/* A reference with a longer name is none: no manifest has one, and looking for its end must not take for ever. */
#define MAX_NAME 1024

struct kube_variable {
	struct span name, value;
	bool is_open; /* its value is not in the object, or not all of it */
};

/* ── Looking up ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Where @name stands in the table, or the free place for it. */
static size_t slot_of(const struct kube_variables *v, struct span name)
{
	size_t at = (size_t)hash_bytes(name.p, name.n) & (v->slot_count - 1);
	while (v->slots[at] && !span_eq(v->list[v->slots[at] - 1].name, name))
		at = (at + 1) & (v->slot_count - 1);
	return at;
}

static const struct kube_variable *variable_of(const struct kube_variables *v, struct span name)
{
	uint32_t number = v->slot_count ? v->slots[slot_of(v, name)] : 0;
	return number ? &v->list[number - 1] : NULL;
}

/* ── Filling in ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A text that is put together: counted first, written when there is room for it. */
struct expanding {
	char *to; /* NULL: counted only */
	size_t n;
	bool is_open;
};

static void put(struct expanding *e, struct span text)
{
	if (e->to && text.n)
		memcpy(e->to + e->n, text.p, text.n);
	e->n += text.n;
}

static bool is_name_byte(char c)
{
	return c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
}

/* The reference that @text begins with, "$(NAME)": its length; 0: none. */
static size_t kubernetes_reference(struct span text, struct span *ret_name)
{
	size_t end = text.n > 1 && text.p[1] == '(' ? span_find_byte(span_sub(text, 0, MAX_NAME), ')') : SIZE_MAX;
	*ret_name = end == SIZE_MAX ? SPAN_NONE : span_sub(text, 2, end - 2);
	return end == SIZE_MAX ? 0 : end + 1;
}

/* The same of a shell: "$NAME", "${NAME}"; and "$(", "${" of all else, whose value nobody knows: the name is empty. */
static size_t shell_reference(struct span text, struct span *ret_name)
{
	size_t from = text.n > 1 && text.p[1] == '{' ? 2 : 1, n = from;
	while (n < text.n && is_name_byte(text.p[n]))
		n++;
	*ret_name = span_sub(text, from, n - from);
	if (from == 1)
		return n > 1 ? n : text.n > 1 && text.p[1] == '(' ? 2 : 0;
	if (n < text.n && text.p[n] == '}')
		return n + 1;
	*ret_name = SPAN_NONE;
	return 2;
}

static void expand(const struct kube_variables *v, struct span text, bool shell, struct expanding *e)
{
	while (text.n && e->n <= MAX_EXPANDED) {
		size_t dollar = RF_MIN(span_find_byte(text, '$'), text.n);
		put(e, span_sub(text, 0, dollar));
		text = span_from(text, dollar);
		if (!text.n)
			return;
		struct span name;
		bool is_escape = !shell && text.n > 1 && text.p[1] == '$';
		size_t n = is_escape ? 2 : shell ? shell_reference(text, &name) : kubernetes_reference(text, &name);
		const struct kube_variable *found = n && !is_escape ? variable_of(v, name) : NULL;
		if (is_escape || !n) {
			put(e, span_sub(text, 0, 1));
		} else {
			e->is_open |= !found || found->is_open;
			put(e, found && !found->is_open ? found->value : span_sub(text, 0, n));
		}
		text = span_from(text, n ? n : 1);
	}
}

static struct span expanded(struct kube_set *s, const struct kube_variables *v, struct span text, bool shell, bool *ret_open)
{
	struct expanding e = { 0 };
	*ret_open = false;
	if (span_find_byte(text, '$') == SIZE_MAX)
		return text;
	expand(v, text, shell, &e);
	*ret_open = e.is_open || e.n > MAX_EXPANDED;
	if (e.n > MAX_EXPANDED)
		return text;
	e.to = arena_alloc(&s->arena, e.n + 1);
	e.n = 0;
	if (!e.to)
		return SPAN_NONE;
	expand(v, text, shell, &e);
	return span_bytes(e.to, e.n);
}

/* ── The variables ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* All of `env`, each value filled in with what stands before it. */
static int variables_read(struct kube_set *s, struct kube_variables *v, struct err *err)
{
	size_t n = json_count(v->env), room = 16;
	while (room < 2 * n)
		room *= 2;
	struct kube_variable *list = arena_array(&s->arena, n + 1, sizeof *list);
	v->slots = arena_array(&s->arena, room, sizeof *v->slots);
	v->list = list;
	v->slot_count = v->slots ? room : 0;
	if (!list || !v->slots)
		return kube_no_memory(err);
	uint32_t i = 0;
	for (struct json_each it = json_each(v->env); json_next(&it); i++) {
		struct kube_variable *to = &list[i];
		to->name = json_string(json_get(it.value, "name"));
		to->value = expanded(s, v, json_string(json_get(it.value, "value")), false, &to->is_open);
		if (!to->value.p && json_string(json_get(it.value, "value")).n)
			return kube_no_memory(err);
		to->is_open |= json_kind(json_get(it.value, "valueFrom")) == JSON_OBJECT;
		v->slots[slot_of(v, to->name)] = i + 1; /* of two of one name the later holds */
	}
	return 0;
}

int kube_expand(struct kube_set *s, struct kube_variables *v, struct span text, bool shell, struct span *ret, bool *ret_open,
		struct err *err)
{
	int rc = 0;
	*ret = text;
	*ret_open = false;
	/* most containers have no '$' anywhere, and no table then */
	if (span_find_byte(text, '$') == SIZE_MAX)
		return 0;
	if (!v->list)
		rc = variables_read(s, v, err);
	if (rc == 0)
		*ret = expanded(s, v, text, shell, ret_open);
	return rc == 0 && !ret->p ? kube_no_memory(err) : rc;
}

int kube_variable_value(struct kube_set *s, struct kube_variables *v, size_t i, struct span text, struct span *ret,
			bool *ret_open, struct err *err)
{
	int rc = 0;
	*ret = text;
	*ret_open = false;
	if (span_find_byte(text, '$') == SIZE_MAX)
		return 0;
	if (!v->list)
		rc = variables_read(s, v, err);
	if (rc == 0) {
		*ret = v->list[i].value;
		*ret_open = v->list[i].is_open;
	}
	return rc;
}
