/* A snapshot into the form of snapshot_bytes.h. */
#include "gate/snapshot_bytes.h"

#include "advisory/carried.h"
#include "format/wire.h"
#include "gate/snapshot_bytes_int.h"

static void put_text(struct wire_out *w, const struct gate_snapshot *s, uint32_t text)
{
	wire_put_text(w, gate_snapshot_text_at(s, text));
}

static void put_index(struct wire_out *w, uint32_t index)
{
	wire_put_number(w, index == GATE_NONE ? 0 : (uint64_t)index + 1);
}

static void put_words(struct wire_out *w, const char *const *list, size_t n)
{
	wire_put_number(w, n);
	for (size_t i = 0; i < n; i++)
		wire_put_text(w, span_of(list[i]));
}

/* Ends a field behind every SNAPSHOT_ROWS rows, and behind the last. */
static void end_rows(struct wire_out *w, enum snapshot_field field, size_t i, size_t count)
{
	if (i + 1 == count || i % SNAPSHOT_ROWS == SNAPSHOT_ROWS - 1)
		wire_put_end(w, field);
}

static void put_head(struct wire_out *w, const struct gate_snapshot *s)
{
	wire_put_text(w, s->head.site);
	wire_put_moment(w, s->head.created);
	wire_put_moment(w, s->head.as_of);
	wire_put_moment(w, s->head.expires);
	wire_put_text(w, s->head.release_key);
	wire_put_text(w, s->head.service_label);
	wire_put_number(w, s->head.trusts_labels);
	wire_put_number(w, s->head.only_count);
	for (size_t i = 0; i < s->head.only_count; i++)
		wire_put_text(w, s->head.only[i]);
	wire_put_number(w, s->artifact_count);
	wire_put_end(w, SNAPSHOT_HEAD);
}

static void put_period(struct wire_out *w, const struct workspace_period *p)
{
	wire_put_number(w, p->is_set);
	wire_put_moment(w, p->usec);
}

static void put_score(struct wire_out *w, const struct workspace_score *c)
{
	wire_put_number(w, c->is_set ? (uint64_t)c->tenths + 1 : 0);
}

static void put_policy(struct wire_out *w, const struct workspace_policy *p)
{
	wire_put_text(w, span_of(p->name));
	put_words(w, p->services, p->services_n);
	put_words(w, p->environments, p->environments_n);
	wire_put_number(w, p->mode);
	wire_put_number(w, p->unknown);
	wire_put_number(w, p->conflict);
	wire_put_number(w, p->unknown_subject);
	wire_put_number(w, p->stale);
	wire_put_number(w, p->expired);
	wire_put_number(w, p->unsigned_);
	put_score(w, &p->warn_from);
	put_score(w, &p->deny_from);
	put_period(w, &p->grace);
	put_period(w, &p->engine_max_age);
	wire_put_number(w, p->minimum_n);
	for (size_t i = 0; i < p->minimum_n; i++) {
		wire_put_text(w, span_of(p->minimum[i].product));
		wire_put_text(w, span_of(p->minimum[i].version));
	}
	wire_put_number(w, p->signatures_n);
	for (size_t i = 0; i < p->signatures_n; i++)
		wire_put_number(w, p->signatures[i]);
	put_words(w, p->registries, p->registries_n);
	wire_put_end(w, SNAPSHOT_POLICY);
}

static void put_knowledge(struct wire_out *w, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->stale_count; i++) {
		wire_put_text(w, s->stale[i].feed);
		wire_put_text(w, s->stale[i].words);
		wire_put_moment(w, s->stale[i].as_of);
		wire_put_moment(w, s->stale[i].from);
		wire_put_end(w, SNAPSHOT_STALE);
	}
	for (size_t i = 0; i < s->service_count; i++) {
		const struct gate_service *v = &s->services[i];
		wire_put_text(w, v->name);
		wire_put_text(w, v->owner);
		wire_put_text(w, v->contact);
		wire_put_text(w, v->deputy);
		wire_put_end(w, SNAPSHOT_SERVICE);
	}
}

static int put_advisories(struct wire_out *w, const struct gate_snapshot *s, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(CARRIED_MAX_BYTES);
	int rc = 0;
	for (size_t i = 0; !rc && i < s->advisory_count; i++) {
		str_reset(&bytes);
		rc = carried_write(s->advisories[i].stored, &bytes, err);
		wire_put_bytes(w, str_span(&bytes));
		wire_put_end(w, SNAPSHOT_ADVISORY);
	}
	return rc;
}

static void put_components(struct wire_out *w, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->component_count; i++) {
		const struct gate_component *c = &s->components[i];
		wire_put_text(w, c->component.purl);
		wire_put_text(w, c->component.version);
		wire_put_number(w, c->component.line);
		wire_put_number(w, c->carrier);
		end_rows(w, SNAPSHOT_COMPONENT, i, s->component_count);
	}
	for (size_t i = 0; i < s->set_count; i++) {
		const struct gate_part *parts = s->parts + s->sets[i].from;
		for (size_t k = 0; k < s->sets[i].count; k++) {
			put_index(w, parts[k].component);
			put_index(w, parts[k].artifact);
			put_text(w, s, parts[k].where);
		}
		wire_put_end(w, SNAPSHOT_SET);
	}
}

static void put_artifacts(struct wire_out *w, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->artifact_count; i++) {
		const struct gate_artifact *a = &s->artifacts[i];
		wire_put_bytes(w, span_bytes(a->digest.bytes, DIGEST_BYTES));
		put_index(w, a->set);
		put_index(w, a->main);
		put_text(w, s, a->target);
		put_text(w, s, a->cause);
		put_text(w, s, a->rules);
		wire_put_number(w, a->built_at);
		wire_put_number(w, a->first_seen);
		put_text(w, s, s->kinds[a->kind]);
		wire_put_number(w, a->finding);
		wire_put_number(w, a->signatures);
		wire_put_number(w, a->flags);
		end_rows(w, SNAPSHOT_ARTIFACT, i, s->artifact_count);
	}
}

static void put_references(struct wire_out *w, const struct gate_snapshot *s, enum snapshot_field field,
			   const struct gate_reference *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put_text(w, s, list[i].text);
		put_index(w, list[i].artifact);
		if (field == SNAPSHOT_MODEL)
			put_text(w, s, list[i].holder);
		end_rows(w, field, i, n);
	}
}

static void put_releases(struct wire_out *w, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->release_count; i++) {
		const struct gate_release *r = &s->releases[i];
		put_text(w, s, r->service);
		put_text(w, s, r->environment);
		put_text(w, s, r->name);
		wire_put_number(w, (r->is_signed ? SNAPSHOT_SIGNED : 0) | (r->as_found ? SNAPSHOT_AS_FOUND : 0));
		wire_put_end(w, SNAPSHOT_RELEASE);
	}
	for (size_t i = 0; i < s->row_count; i++) {
		const struct gate_row *r = &s->rows[i];
		put_index(w, r->release);
		put_index(w, r->artifact);
		put_text(w, s, r->model);
		put_text(w, s, r->target);
		put_index(w, r->builder);
		put_index(w, r->runtime);
		end_rows(w, SNAPSHOT_ROW, i, s->row_count);
	}
}

static void put_waiver(struct wire_out *w, const struct waiver *v)
{
	wire_put_moment(w, v->id);
	wire_put_number(w, v->kind);
	wire_put_number(w, v->advisory_count);
	for (size_t i = 0; i < v->advisory_count; i++)
		wire_put_text(w, v->advisories[i]);
	wire_put_text(w, v->scope.service);
	wire_put_text(w, v->scope.environment);
	wire_put_text(w, v->scope.product);
	wire_put_text(w, v->scope.version);
	wire_put_text(w, v->scope.digest);
	wire_put_text(w, v->owner);
	wire_put_text(w, v->reason);
	wire_put_text(w, v->created_by);
	wire_put_moment(w, v->created);
	wire_put_moment(w, v->expires);
	wire_put_moment(w, v->revoked);
	wire_put_text(w, v->revoked_by);
	wire_put_text(w, v->revoked_why);
	wire_put_end(w, SNAPSHOT_WAIVER);
}

static void put_baseline(struct wire_out *w, const struct baseline *b)
{
	if (b->since == USEC_NONE)
		return;
	wire_put_moment(w, b->since);
	wire_put_moment(w, b->due);
	wire_put_end(w, SNAPSHOT_BASELINE);
	for (size_t i = 0; i < b->set_count; i++) {
		for (size_t k = 0; k < b->sets[i].count; k++) {
			const struct baseline_item *item = &b->sets[i].items[k];
			wire_put_text(w, item->advisory);
			wire_put_text(w, item->cause);
			wire_put_number(w, item->kind);
			wire_put_number(w, (uint64_t)(item->severity + 1));
			wire_put_number(w, item->kev);
		}
		wire_put_end(w, SNAPSHOT_BASELINE_SET);
	}
	for (size_t i = 0; i < b->holder_count; i++) {
		const struct baseline_holder *h = &b->holders[i];
		wire_put_text(w, h->service);
		wire_put_text(w, h->environment);
		wire_put_number(w, h->carrier);
		wire_put_text(w, h->digest);
		wire_put_text(w, h->purl);
		wire_put_text(w, h->version);
		wire_put_text(w, h->owner);
		wire_put_number(w, h->set);
		end_rows(w, SNAPSHOT_BASELINE_HOLDER, i, b->holder_count);
	}
}

static void put_covers(struct wire_out *w, const struct gate_snapshot *s)
{
	const struct vex_policy *vex = &s->covers.vex_policy;
	for (size_t i = 0; i < s->waiver_count; i++)
		put_waiver(w, &s->waivers[i]);
	wire_put_moment(w, vex->max_age_usec);
	wire_put_end(w, SNAPSHOT_VEX);
	for (size_t i = 0; i < vex->trusted_count; i++) {
		wire_put_text(w, vex->trusted[i].author);
		wire_put_text(w, vex->trusted[i].feed);
		wire_put_end(w, SNAPSHOT_VEX_TRUSTED);
	}
	put_baseline(w, &s->baseline);
}

static void put_homes(struct wire_out *w, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->home_count; i++) {
		wire_put_text(w, s->homes[i].service);
		wire_put_text(w, s->homes[i].cluster);
		wire_put_text(w, s->homes[i].namespace_);
		end_rows(w, SNAPSHOT_HOME, i, s->home_count);
	}
}

int gate_snapshot_write(const struct gate_snapshot *s, struct str *to, struct err *err)
{
	struct wire_out w = wire_out(GATE_SNAPSHOT_MAX_BYTES / 2 - 16);
	put_head(&w, s);
	for (size_t i = 0; i < s->policy_count; i++)
		put_policy(&w, &s->policies[i]);
	put_knowledge(&w, s);
	int rc = put_advisories(&w, s, err);
	if (!rc) {
		put_components(&w, s);
		put_artifacts(&w, s);
		put_references(&w, s, SNAPSHOT_IMAGE, s->images, s->image_count);
		put_references(&w, s, SNAPSHOT_MODEL, s->models, s->model_count);
		put_releases(&w, s);
		put_covers(&w, s);
		put_homes(&w, s);
		rc = wire_write(&w, GATE_SNAPSHOT_FORMAT, to, "snapshot of the gate", err);
	}
	wire_out_release(&w);
	return rc;
}
