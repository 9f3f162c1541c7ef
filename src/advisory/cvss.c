/* CVSS vectors of 2.0, 3.0 and 3.1: one table of metrics a version, and the formulas of FIRST's specifications. 4.0:
 * cvss4.c. */
#include "advisory/cvss_int.h"

#include <math.h>

const char *cvss_version_name(enum cvss_version v)
{
	static const char *const names[] = { "2.0", "3.0", "3.1", "4.0" };
	return (size_t)v < RF_COUNT(names) ? names[v] : "?";
}

const char *cvss_rating(enum cvss_version v, double score)
{
	if (v != CVSS_V2 && score < 0.1)
		return "NONE";
	if (score < 4)
		return "LOW";
	if (score < 7)
		return "MEDIUM";
	return v == CVSS_V2 || score < 9 ? "HIGH" : "CRITICAL";
}

/* Values are separated by blanks; the number behind a value's place is its weight. Not defined comes last where there
 * is one. */
static const struct cvss_metric metrics_v2[] = {
	{ "AV", "L A N", CVSS_BASE, { 0.395, 0.646, 1.0 } },
	{ "AC", "H M L", CVSS_BASE, { 0.35, 0.61, 0.71 } },
	{ "Au", "M S N", CVSS_BASE, { 0.45, 0.56, 0.704 } },
	{ "C", "N P C", CVSS_BASE, { 0, 0.275, 0.660 } },
	{ "I", "N P C", CVSS_BASE, { 0, 0.275, 0.660 } },
	{ "A", "N P C", CVSS_BASE, { 0, 0.275, 0.660 } },
	{ "E", "U POC F H ND", CVSS_MORE, { 0.85, 0.9, 0.95, 1, 1 } },
	{ "RL", "OF TF W U ND", CVSS_MORE, { 0.87, 0.9, 0.95, 1, 1 } },
	{ "RC", "UC UR C ND", CVSS_MORE, { 0.9, 0.95, 1, 1 } },
	{ "CDP", "N L LM MH H ND", CVSS_MORE, { 0, 0.1, 0.3, 0.4, 0.5, 0 } },
	{ "TD", "N L M H ND", CVSS_MORE, { 0, 0.25, 0.75, 1, 1 } },
	{ "CR", "L M H ND", CVSS_MORE, { 0.5, 1, 1.51, 1 } },
	{ "IR", "L M H ND", CVSS_MORE, { 0.5, 1, 1.51, 1 } },
	{ "AR", "L M H ND", CVSS_MORE, { 0.5, 1, 1.51, 1 } },
	{ NULL },
};
enum { V2_AV, V2_AC, V2_AU, V2_C, V2_I, V2_A, V2_E, V2_RL, V2_RC, V2_CDP, V2_TD, V2_CR, V2_IR, V2_AR };

/* PR's weights are those of an unchanged scope. */
static const struct cvss_metric metrics_v3[] = {
	{ "AV", "N A L P", CVSS_BASE, { 0.85, 0.62, 0.55, 0.2 } },
	{ "AC", "L H", CVSS_BASE, { 0.77, 0.44 } },
	{ "PR", "N L H", CVSS_BASE, { 0.85, 0.62, 0.27 } },
	{ "UI", "N R", CVSS_BASE, { 0.85, 0.62 } },
	{ "S", "U C", CVSS_BASE, { 0, 1 } },
	{ "C", "H L N", CVSS_BASE, { 0.56, 0.22, 0 } },
	{ "I", "H L N", CVSS_BASE, { 0.56, 0.22, 0 } },
	{ "A", "H L N", CVSS_BASE, { 0.56, 0.22, 0 } },
	{ "E", "U P F H X", CVSS_MORE, { 0.91, 0.94, 0.97, 1, 1 } },
	{ "RL", "O T W U X", CVSS_MORE, { 0.95, 0.96, 0.97, 1, 1 } },
	{ "RC", "U R C X", CVSS_MORE, { 0.92, 0.96, 1, 1 } },
	{ "CR", "H M L X", CVSS_MORE, { 1.5, 1, 0.5, 1 } },
	{ "IR", "H M L X", CVSS_MORE, { 1.5, 1, 0.5, 1 } },
	{ "AR", "H M L X", CVSS_MORE, { 1.5, 1, 0.5, 1 } },
	{ "MAV", "N A L P X", CVSS_MORE, { 0.85, 0.62, 0.55, 0.2 } },
	{ "MAC", "L H X", CVSS_MORE, { 0.77, 0.44 } },
	{ "MPR", "N L H X", CVSS_MORE, { 0.85, 0.62, 0.27 } },
	{ "MUI", "N R X", CVSS_MORE, { 0.85, 0.62 } },
	{ "MS", "U C X", CVSS_MORE, { 0, 1 } },
	{ "MC", "H L N X", CVSS_MORE, { 0.56, 0.22, 0 } },
	{ "MI", "H L N X", CVSS_MORE, { 0.56, 0.22, 0 } },
	{ "MA", "H L N X", CVSS_MORE, { 0.56, 0.22, 0 } },
	{ NULL },
};
enum { V3_AV, V3_AC, V3_PR, V3_UI, V3_S, V3_C, V3_I, V3_A, V3_E, V3_RL, V3_RC, V3_CR, V3_IR, V3_AR, V3_M };

static size_t metric_count(const struct cvss_metric *table)
{
	size_t n = 0;
	while (table[n].name)
		n++;
	return n;
}

/* The place of @value in "N A L P"; -1 when it is none of them. */
static int value_place(const char *values, struct span value)
{
	struct span rest = span_of(values), one;
	for (int i = 0; span_split(&rest, ' ', &one); i++)
		if (span_eq(one, value))
			return i;
	return -1;
}

static bool is_not_defined(const char *values, int place)
{
	struct span rest = span_of(values), one = SPAN_NONE;
	for (int i = 0; i <= place; i++)
		(void)span_split(&rest, ' ', &one);
	return span_eq_text(one, "X") || span_eq_text(one, "ND");
}

static int refuse(struct err *err, struct span vector, struct span at, const char *what)
{
	(void)err_set(err, RF_EFORMAT, "CVSS vector: %s at \"%.*s\"", what, SPAN_ARG(span_sub(at, 0, 40)));
	return err ? err_at_offset(err, (uint64_t)(at.p - vector.p)) : RF_EFORMAT;
}

/* Fills places[] (a place in the metric's values, -1 for a metric that is not there). */
static int read_metrics(const struct cvss_metric *table, bool ordered, struct span vector, struct span rest,
			int *places, struct err *err)
{
	size_t n = metric_count(table), last = 0;
	struct span part;
	for (size_t i = 0; i < n; i++)
		places[i] = -1;
	while (span_split(&rest, '/', &part)) {
		size_t colon = span_find_byte(part, ':'), i = 0;
		struct span name = span_sub(part, 0, colon == SIZE_MAX ? part.n : colon);
		while (i < n && !span_eq_text(name, table[i].name))
			i++;
		if (i == n || colon == SIZE_MAX)
			return refuse(err, vector, part, "unknown metric");
		if (places[i] >= 0)
			return refuse(err, vector, part, "a metric twice");
		if (ordered && i < last)
			return refuse(err, vector, part, "metric out of order");
		places[i] = value_place(table[i].values, span_from(part, colon + 1));
		if (places[i] < 0)
			return refuse(err, vector, part, "unknown value");
		last = i;
	}
	for (size_t i = 0; i < n; i++)
		if (table[i].group == CVSS_BASE && places[i] < 0)
			return err_set(err, RF_EFORMAT, "CVSS vector: the base metric %s is missing", table[i].name);
	return 0;
}

/* 2.0 knows its temporal and environmental groups whole or not at all (guide 2.4). */
static int check_groups_v2(const int *places, struct err *err)
{
	for (int from = V2_E; from <= V2_CDP; from += V2_CDP - V2_E)
		for (int i = from; i <= (from == V2_E ? V2_RC : V2_AR); i++)
			if ((places[i] < 0) != (places[from] < 0))
				return err_set(err, RF_EFORMAT, "CVSS vector: a group of 2.0 is whole or absent; %s",
					       metrics_v2[i].name);
	return 0;
}

static bool more_defined(const struct cvss_metric *table, const int *places)
{
	for (size_t i = 0; table[i].name; i++)
		if (table[i].group == CVSS_MORE && places[i] >= 0 && !is_not_defined(table[i].values, places[i]))
			return true;
	return false;
}

/* ── 2.0 (guide, section 3.2) ────────────────────────────────────────────────────────────────────────────────────────
 */

static double weight_v2(const int *places, int metric)
{
	static const double neutral[] = {
		[V2_E] = 1, [V2_RL] = 1, [V2_RC] = 1, [V2_CDP] = 0, [V2_TD] = 1, [V2_CR] = 1, [V2_IR] = 1, [V2_AR] = 1
	};
	return places[metric] < 0 ? neutral[metric] : metrics_v2[metric].weights[places[metric]];
}

static double round_v2(double x)
{
	return round(x * 10) / 10;
}

static double base_v2(const int *places, double impact)
{
	double exploitability = 20 * weight_v2(places, V2_AV) * weight_v2(places, V2_AC) * weight_v2(places, V2_AU);
	return round_v2((0.6 * impact + 0.4 * exploitability - 1.5) * (impact == 0 ? 0 : 1.176));
}

static void score_v2(const int *places, struct cvss *ret)
{
	double c = weight_v2(places, V2_C), i = weight_v2(places, V2_I), a = weight_v2(places, V2_A);
	double temporal = weight_v2(places, V2_E) * weight_v2(places, V2_RL) * weight_v2(places, V2_RC);
	double adjusted = 10.41 * (1 - (1 - c * weight_v2(places, V2_CR)) * (1 - i * weight_v2(places, V2_IR)) *
					       (1 - a * weight_v2(places, V2_AR)));
	ret->base = base_v2(places, 10.41 * (1 - (1 - c) * (1 - i) * (1 - a)));
	double adjusted_temporal = round_v2(base_v2(places, RF_MIN(10.0, adjusted)) * temporal);
	ret->score = round_v2((adjusted_temporal + (10 - adjusted_temporal) * weight_v2(places, V2_CDP)) *
			      weight_v2(places, V2_TD));
}

/* ── 3.0 and 3.1 (specification, section 7) ──────────────────────────────────────────────────────────────────────────
 */

/* 3.1's Roundup, appendix A, free of floating-point slips. 3.0 rounds up likewise in words, and its vectors agree with
 * it. */
static double roundup(double x)
{
	long long n = llround(x * 100000);
	return n % 10000 == 0 ? (double)n / 100000.0 : (double)(n / 10000 + 1) / 10.0;
}

static double weight_v3(const int *places, int metric)
{
	return places[metric] < 0 ? 1.0 : metrics_v3[metric].weights[places[metric]];
}

/* The modified metric where it is defined, else the base one. */
static int effective(const int *places, int base)
{
	int modified = V3_M + base;
	return places[modified] >= 0 && !is_not_defined(metrics_v3[modified].values, places[modified]) ? modified
												       : base;
}

static double privileges(const int *places, int metric, bool changed)
{
	double w = weight_v3(places, metric);
	return changed && places[metric] == 1 ? 0.68 : changed && places[metric] == 2 ? 0.5 : w;
}

static double exploitability_v3(const int *places, const int *use, bool changed)
{
	return 8.22 * weight_v3(places, use[V3_AV]) * weight_v3(places, use[V3_AC]) *
	       privileges(places, use[V3_PR], changed) * weight_v3(places, use[V3_UI]);
}

static double join_v3(double impact, double exploitability, bool changed)
{
	return impact <= 0 ? 0 : roundup(RF_MIN((changed ? 1.08 : 1.0) * (impact + exploitability), 10.0));
}

static void score_v3(const int *places, enum cvss_version v, struct cvss *ret)
{
	static const int plain[] = { V3_AV, V3_AC, V3_PR, V3_UI, V3_S, V3_C, V3_I, V3_A };
	int use[RF_COUNT(plain)];
	bool changed = places[V3_S] == 1, modified = false;
	double iss = 1 - (1 - weight_v3(places, V3_C)) * (1 - weight_v3(places, V3_I)) * (1 - weight_v3(places, V3_A));
	double impact = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss;
	ret->base = join_v3(impact, exploitability_v3(places, plain, changed), changed);
	for (int i = 0; i < (int)RF_COUNT(plain); i++)
		use[i] = effective(places, i);
	for (int i = V3_CR; metrics_v3[i].name; i++)
		modified |= places[i] >= 0 && !is_not_defined(metrics_v3[i].values, places[i]);
	double temporal = weight_v3(places, V3_E) * weight_v3(places, V3_RL) * weight_v3(places, V3_RC);
	if (!modified) {
		ret->score = roundup(ret->base * temporal);
		return;
	}
	changed = places[use[V3_S]] == 1;
	double miss = RF_MIN(0.915, 1 - (1 - weight_v3(places, use[V3_C]) * weight_v3(places, V3_CR)) *
						    (1 - weight_v3(places, use[V3_I]) * weight_v3(places, V3_IR)) *
						    (1 - weight_v3(places, use[V3_A]) * weight_v3(places, V3_AR)));
	impact = 6.42 * miss;
	if (changed)
		impact = 7.52 * (miss - 0.029) -
			 3.25 * (v == CVSS_V3_0 ? pow(miss - 0.02, 15) : pow(miss * 0.9731 - 0.02, 13));
	ret->score = roundup(join_v3(impact, exploitability_v3(places, use, changed), changed) * temporal);
}

/* ── Vectors ────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

static struct span without_parentheses(struct span s)
{
	return s.n > 1 && s.p[0] == '(' && s.p[s.n - 1] == ')' ? span_sub(s, 1, s.n - 2) : s;
}

int cvss_read(struct span vector, struct cvss *ret, struct err *err)
{
	static const struct {
		const char *prefix;
		enum cvss_version version;
		const struct cvss_metric *table;
	} versions[] = { { "CVSS:3.1/", CVSS_V3_1, metrics_v3 },
			 { "CVSS:3.0/", CVSS_V3_0, metrics_v3 },
			 { "CVSS:4.0/", CVSS_V4_0, CVSS_METRICS_V4 },
			 { "AV:", CVSS_V2, metrics_v2 } };
	struct span s = without_parentheses(vector);
	int places[CVSS_MAX_METRICS];
	struct cvss v = { 0 };
	if (vector.n > CVSS_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a CVSS vector has at most %d bytes", CVSS_MAX_BYTES);
	for (size_t i = 0; i < RF_COUNT(versions); i++) {
		if (!span_starts(s, versions[i].prefix))
			continue;
		v.version = versions[i].version;
		struct span rest = v.version == CVSS_V2 ? s : span_from(s, strlen(versions[i].prefix));
		/* the order is part of 2.0 (guide 2.4) and of 4.0 (specification 7), not of 3.x (6) */
		bool ordered = v.version == CVSS_V2 || v.version == CVSS_V4_0;
		int rc = read_metrics(versions[i].table, ordered, vector, rest, places, err);
		if (!rc && v.version == CVSS_V2)
			rc = check_groups_v2(places, err);
		if (rc)
			return rc;
		v.has_more = more_defined(versions[i].table, places);
		if (v.version == CVSS_V2)
			score_v2(places, &v);
		else if (v.version == CVSS_V4_0)
			cvss4_score(places, &v);
		else
			score_v3(places, v.version, &v);
		if (!v.has_more)
			v.score = v.base;
		*ret = v;
		return 0;
	}
	if (span_starts(s, "CVSS:"))
		return err_set(err, RF_EUNSUPPORTED,
			       "CVSS vector of a version that is not 2.0, 3.0, 3.1 or 4.0: \"%.*s\"",
			       SPAN_ARG(span_sub(s, 0, 20)));
	return refuse(err, vector, s, "no vector");
}
