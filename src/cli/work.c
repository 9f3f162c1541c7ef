/* The order of work as a table; stale feeds. */
#include "cli/work.h"

void work_table_init(struct table *t)
{
	table_init(t, "priority", "advisory", "finding", "service", "environment", "placements", "CVSS", "EPSS", "KEV",
		   "why", NULL);
}

static enum colour action_colour(enum priority_action a)
{
	return a == PRIORITY_ACT ? COLOUR_RED : a == PRIORITY_ATTEND ? COLOUR_YELLOW : COLOUR_NONE;
}

static void figure(struct table *t, int decimals, double value)
{
	if (value >= 0)
		table_f(t, COLOUR_NONE, "%.*f", decimals, value);
	else
		table_text(t, "-");
}

/* The due date of KEV, "yes" without one. */
static void kev_cell(struct table *t, const struct priority_facts *f)
{
	char date[TIME_TEXT_BYTES];
	table_cell(t, f->kev ? COLOUR_RED : COLOUR_NONE,
		   span_of(!f->kev                   ? "-"
			   : f->kev_due == USEC_NONE ? "yes"
						     : time_text_date(f->kev_due, date)));
}

void work_table_row(struct table *t, const struct exposure_work *work)
{
	const struct priority *p = &work->priority;
	RF_AUTO(str) why = STR_INIT(1 * KIB);
	str_addf(&why, "exploitation %s, automatable %s, impact %s, mission %s",
		 ssvc_exploitation_name(p->exploitation), ssvc_automatable_name(p->automatable),
		 ssvc_impact_name(p->impact), priority_mission_name(p->mission));
	if (p->facts.has_service)
		str_addf(&why, ", reach %s", workspace_reach_name(p->facts.reach));
	table_cell(t, action_colour(p->action), span_of(priority_action_name(p->action)));
	table_cell(t, work->is_drill ? COLOUR_BLUE : COLOUR_NONE, work->advisory);
	const char *finding = work->worst == FINDING_NOT_AFFECTED ? "-" : finding_kind_name(work->worst);
	table_cell(t, colour_of(finding), span_of(finding));
	table_cell(t, COLOUR_NONE, work->service.n ? work->service : SPAN("-"));
	table_cell(t, COLOUR_NONE, work->environment.n ? work->environment : SPAN("-"));
	table_f(t, COLOUR_NONE, "%lld", (long long)work->placements);
	figure(t, 1, p->facts.cvss);
	figure(t, 3, p->facts.epss);
	kev_cell(t, &p->facts);
	table_cell(t, COLOUR_NONE, str_span(&why));
}

void out_stale(const struct exposure_stale *stale, size_t count, const char *indent)
{
	for (size_t i = 0; i < count; i++) {
		out_colour(COLOUR_YELLOW, "%sfeed ", indent);
		out_visible(stale[i].feed);
		out_colour(COLOUR_YELLOW, " is ");
		out_visible(stale[i].words);
		out("\n");
	}
}
