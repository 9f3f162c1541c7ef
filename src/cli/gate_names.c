/* gate_names - whom and when the gate is asked about: names that must be known, moments that are past. See gate.h */
#include "cli/gate.h"

#define KNOWN_BYTES (1 * MIB)

void gate_names_init(struct gate_names *n, struct span service, struct span environment)
{
	*n = (struct gate_names){ { "service", service, !service.n, STR_INIT(KNOWN_BYTES) },
				  { "environment", environment, !environment.n, STR_INIT(KNOWN_BYTES) } };
}

void gate_name_add(struct gate_name *n, struct span name)
{
	n->found |= span_eq(n->wanted, name);
	if (span_find(str_span(&n->known), name) == SIZE_MAX) /* releases repeat their environments */
		str_addf(&n->known, "%s%.*s", n->known.n ? ", " : "", SPAN_ARG(name));
}

void gate_names_of_snapshot(struct gate_names *n, const struct gate_snapshot *s)
{
	for (size_t i = 0; i < s->service_count; i++)
		gate_name_add(&n->service, s->services[i].name);
	for (size_t i = 0; i < s->policy_count; i++)
		for (size_t k = 0; k < s->policies[i].environments_n; k++)
			gate_name_add(&n->environment, span_of(s->policies[i].environments[k]));
	for (size_t i = 0; i < s->release_count; i++)
		gate_name_add(&n->environment, gate_snapshot_text_at(s, s->releases[i].environment));
}

static int unknown(const struct gate_name *n, struct err *err)
{
	return err_set(err, RF_EUSAGE, "--%s: nobody knows \"%.*s\"%s%s", n->option, SPAN_ARG(n->wanted), n->known.n ? "; known: " : "",
		       str_text(&n->known));
}

int gate_names_end(struct gate_names *n, struct err *err)
{
	int rc = !n->service.found ? unknown(&n->service, err) : !n->environment.found ? unknown(&n->environment, err) : 0;
	str_release(&n->service.known);
	str_release(&n->environment.known);
	return rc;
}

void gate_stand_back(const struct invocation *in, usec_t now, struct gate_snapshot *s)
{
	if (option_text(in, "at", NULL))
		s->head.created = RF_MIN(s->head.created, now);
}
