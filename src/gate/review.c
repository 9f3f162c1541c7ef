/* review - see the header. Reading: from the bytes of an AdmissionReview to what is to be judged. */
#include "gate/review_int.h"

#define SERVICE_LABEL "app.kubernetes.io/name"
#define MAX_UID_BYTES 128
#define OBJECTS_BYTES (64 * MIB)
#define ANSWERS_BYTES (128 * MIB)
#define WORDS_BYTES (64 * KIB)
/* The parser keeps ten times the largest text it has met: past this it is not kept. */
#define KEPT_TEXT_BYTES (256 * KIB)

static const char *const operations[] = { "CREATE", "UPDATE", "DELETE", "CONNECT" };

const char *review_operation_name(enum review_operation o)
{
	return operations[o];
}

/* ── The reader ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int sets_make(struct review_reader *r, struct span label, struct err *err)
{
	const struct kube_labels labels = { .service = r->service_label, .owner = "", .contact = "" };
	size_t n = RF_MIN(label.n, sizeof r->service_label - 1);
	memcpy(r->service_label, label.p, n);
	r->service_label[n] = '\0';
	kube_set_release(&r->new_);
	kube_set_release(&r->old);
	int rc = kube_set_init(&r->new_, &labels, "", err);
	if (rc == 0)
		rc = kube_set_init(&r->old, &labels, "", err);
	r->new_.arena.limit_bytes = r->old.arena.limit_bytes = OBJECTS_BYTES;
	return rc;
}

int review_reader_new(struct review_reader **ret, struct err *err)
{
	struct review_reader *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "no memory for reviews");
	r->arena = ARENA_INIT(ANSWERS_BYTES);
	r->words = STR_INIT(WORDS_BYTES);
	r->doc = json_doc_new();
	r->memo = gate_memo_new();
	int rc = r->doc && r->memo ? sets_make(r, SPAN(SERVICE_LABEL), err) : err_set(err, RF_ENOMEM, "no memory for reviews");
	if (rc)
		review_reader_free(r);
	else
		*ret = r;
	return rc;
}

void review_reader_free(struct review_reader *r)
{
	if (!r)
		return;
	kube_set_release(&r->new_);
	kube_set_release(&r->old);
	json_doc_free(r->doc);
	gate_memo_free(r->memo);
	str_release(&r->words);
	arena_release(&r->arena);
	rf_free(r);
}

void review_reader_rest(struct review_reader *r)
{
	arena_reset(&r->arena);
	if (r->doc_bytes <= KEPT_TEXT_BYTES)
		return;
	json_doc_free(r->doc);
	r->doc = json_doc_new(); /* NULL: the next review_read() says so */
	r->doc_bytes = 0;
	arena_release(&r->arena);
	arena_release(&r->new_.arena);
	arena_release(&r->old.arena);
}

/* ── The envelope ────────────────────────────────────────────────────────────────────────────────────────────────── */

static int operation_read(struct span name, enum review_operation *ret, struct err *err)
{
	for (size_t i = 0; i < RF_COUNT(operations); i++)
		if (span_eq_text(name, operations[i])) {
			*ret = (enum review_operation)i;
			return 0;
		}
	(void)err_set(err, RF_EFORMAT, "\"%.*s\" is none of CREATE, UPDATE, DELETE, CONNECT",
		      SPAN_ARG(span_sub(name, 0, 40)));
	return err_in_field(err, "request.operation");
}

static int envelope_read(struct json root, struct review *ret, struct json *ret_request, struct err *err)
{
	struct json request = json_get(root, "request");
	if (!span_eq_text(json_string(json_get(root, "kind")), "AdmissionReview") ||
	    !span_eq_text(json_string(json_get(root, "apiVersion")), "admission.k8s.io/v1")) {
		(void)err_set(err, RF_EFORMAT,
			      "no AdmissionReview of admission.k8s.io/v1 (admissionReviewVersions: [v1])");
		return err_in_field(err, "kind, apiVersion");
	}
	ret->uid = json_string(json_get(request, "uid"));
	if (ret->uid.n == 0 || ret->uid.n > MAX_UID_BYTES) {
		(void)err_set(err, RF_EFORMAT, "a text of 1 to %d bytes is wanted", MAX_UID_BYTES);
		return err_in_field(err, "request.uid");
	}
	struct json kind = json_get(request, "kind");
	ret->kind = json_string(json_get(kind, "kind"));
	ret->subresource = json_string(json_get(request, "subResource"));
	ret->namespace_ = json_string(json_get(request, "namespace"));
	ret->name = json_string(json_get(request, "name"));
	ret->user = json_string(json_path(request, "userInfo", "username", NULL));
	(void)json_bool(json_get(request, "dryRun"), &ret->dry_run);
	*ret_request = request;
	return operation_read(json_string(json_get(request, "operation")), &ret->operation, err);
}

static bool is_exempt(const struct review_rules *rules, struct span namespace_)
{
	if (span_eq_text(namespace_, REVIEW_ALWAYS_EXEMPT))
		return true;
	for (size_t i = 0; i < rules->exempt_n; i++)
		if (span_eq_text(namespace_, rules->exempt[i]))
			return true;
	return false;
}

/* What needs no look at the object. */
static const char *passes(const struct review_rules *rules, const struct review *v)
{
	if (v->operation == REVIEW_DELETE || v->operation == REVIEW_CONNECT)
		return REVIEW_PASSED_OPERATION;
	if (v->subresource.n && !span_eq_text(v->subresource, "ephemeralcontainers"))
		return REVIEW_PASSED_SUBRESOURCE;
	if (v->namespace_.n && is_exempt(rules, v->namespace_))
		return REVIEW_PASSED_NAMESPACE;
	return NULL;
}

/* ── The object ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Also when memory for one review is used up: that is the object's doing and no fault of the gate. */
static int unreadable(struct review_reader *r, struct review *v, struct err *why, struct err *err)
{
	char line[2048];
	if (why->code == RF_ENOMEM && !r->new_.arena.full && !r->arena.full)
		return err_set(err, RF_ENOMEM, "no memory for a review");
	if (why->code == RF_ENOMEM)
		(void)err_set(why, RF_ETOOBIG, REVIEW_FULL);
	arena_reset(&r->arena);
	v->subjects_n = 0;
	v->service = "";
	v->unreadable = arena_text(&r->arena, span_of(err_render(why, line, sizeof line)));
	return v->unreadable ? 0 : err_set(err, RF_ENOMEM, "no memory for a review");
}

/* The one workload in @set, or NULL: a kind that runs nothing, or a pod that is over. */
static int object_read(struct kube_set *set, struct json object, struct span namespace_,
		       const struct kube_workload **ret, struct err *err)
{
	int rc = kube_set_reset(set, namespace_, err);
	if (rc == 0)
		rc = kube_add(set, object, err);
	if (rc == 0 && set->count > 1)
		return err_set(err, RF_EFORMAT, "a list: a review is about one object");
	*ret = rc == 0 && set->count == 1 ? &set->workloads[0] : NULL;
	return rc;
}

static bool has(const struct review_subject *list, size_t n, const struct review_subject *s)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == s->kind && strcmp(list[i].name, s->name) == 0 && strcmp(list[i].node, s->node) == 0)
			return true;
	return false;
}

/* Marks what the old object has too. An old object that cannot be read has nothing: then all is new. */
static int carry(struct review_reader *r, struct json request, struct review *v, struct err *err)
{
	const struct kube_workload *w = NULL;
	struct err ignored = ERR_INIT;
	size_t n = 0;
	struct review_subject *old = arena_array(&r->arena, REVIEW_MAX_SUBJECTS, sizeof *old);
	if (!old)
		return err_set(err, RF_ENOMEM, "no memory for a review");
	if (object_read(&r->old, json_get(request, "oldObject"), v->namespace_, &w, &ignored) != 0 || !w ||
	    review_subjects(&r->arena, w, old, &n, &ignored) != 0)
		return ignored.code == RF_ENOMEM && !r->old.arena.full && !r->arena.full
			       ? err_set(err, RF_ENOMEM, "no memory for a review")
			       : 0;
	for (size_t i = 0; i < v->subjects_n; i++)
		v->subjects[i].carried = has(old, n, &v->subjects[i]);
	if (strcmp(w->service, v->service) != 0)
		v->service_before = w->service;
	return 0;
}

static int object_judged(struct review_reader *r, struct json request, struct review *v, struct err *err)
{
	struct json object = json_get(request, "object");
	const struct kube_workload *w = NULL;
	struct err why = ERR_INIT;
	if (json_kind(object) != JSON_OBJECT ||
	    !span_eq(json_string(json_get(object, "kind")), json_string(json_path(request, "kind", "kind", NULL)))) {
		(void)err_set(&why, RF_EFORMAT, "request.object is not of the kind that request.kind names");
		return unreadable(r, v, &why, err);
	}
	if (json_string(json_path(object, "metadata", "deletionTimestamp", NULL)).n && v->operation == REVIEW_UPDATE) {
		v->passed = REVIEW_PASSED_ENDING;
		return 0;
	}
	if (object_read(&r->new_, object, v->namespace_, &w, &why))
		return unreadable(r, v, &why, err);
	if (!w) {
		bool other = r->new_.skipped > 0, is_new = v->operation == REVIEW_CREATE;
		v->passed = other ? REVIEW_PASSED_KIND : is_new ? NULL : REVIEW_PASSED_ENDING;
		if (v->passed)
			return 0;
		(void)err_set(&why, RF_EFORMAT, "a new pod whose status says that it is over");
		return unreadable(r, v, &why, err);
	}
	if (!v->name.n)
		v->name = span_of(w->name);
	v->service = w->service;
	if (review_subjects(&r->arena, w, v->subjects, &v->subjects_n, &why))
		return unreadable(r, v, &why, err);
	return v->operation == REVIEW_UPDATE ? carry(r, request, v, err) : 0;
}

int review_read(struct review_reader *r, const struct review_rules *rules, struct span body, struct review *ret,
		struct err *err)
{
	struct span label = rules->service_label.n ? rules->service_label : SPAN(SERVICE_LABEL);
	struct json root, request;
	int rc = 0;
	if (body.n > REVIEW_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a review of %zu bytes; %zu are accepted", body.n, REVIEW_MAX_BYTES);
	arena_reset(&r->arena);
	if (!r->doc)
		r->doc = json_doc_new();
	if (!r->doc)
		return err_set(err, RF_ENOMEM, "no memory for a review");
	if (!span_eq_text(label, r->service_label))
		rc = sets_make(r, label, err);
	r->doc_bytes = RF_MAX(r->doc_bytes, body.n);
	if (rc == 0)
		rc = json_parse(r->doc, body, &root, err);
	if (rc)
		return rc;
	struct review v = { .service = "", .subjects = r->subjects };
	rc = envelope_read(root, &v, &request, err);
	if (rc)
		return rc;
	v.passed = passes(rules, &v);
	if (!v.passed)
		rc = object_judged(r, request, &v, err);
	if (rc == 0)
		*ret = v;
	return rc;
}
