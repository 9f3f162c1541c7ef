/*
 * CVSS 4.0: the score of a macro vector, less how far the vector lies below the highest vectors of it (specification,
 * section 8).
 */
#include "advisory/cvss_int.h"

#include <math.h>

const struct cvss_metric CVSS_METRICS_V4[] = {
	{ "AV", "N A L P", CVSS_BASE, { 0 } },
	{ "AC", "L H", CVSS_BASE, { 0 } },
	{ "AT", "N P", CVSS_BASE, { 0 } },
	{ "PR", "N L H", CVSS_BASE, { 0 } },
	{ "UI", "N P A", CVSS_BASE, { 0 } },
	{ "VC", "H L N", CVSS_BASE, { 0 } },
	{ "VI", "H L N", CVSS_BASE, { 0 } },
	{ "VA", "H L N", CVSS_BASE, { 0 } },
	{ "SC", "H L N", CVSS_BASE, { 0 } },
	{ "SI", "H L N", CVSS_BASE, { 0 } },
	{ "SA", "H L N", CVSS_BASE, { 0 } },
	{ "E", "A P U X", CVSS_MORE, { 0 } },
	{ "CR", "H M L X", CVSS_MORE, { 0 } },
	{ "IR", "H M L X", CVSS_MORE, { 0 } },
	{ "AR", "H M L X", CVSS_MORE, { 0 } },
	{ "MAV", "N A L P X", CVSS_MORE, { 0 } },
	{ "MAC", "L H X", CVSS_MORE, { 0 } },
	{ "MAT", "N P X", CVSS_MORE, { 0 } },
	{ "MPR", "N L H X", CVSS_MORE, { 0 } },
	{ "MUI", "N P A X", CVSS_MORE, { 0 } },
	{ "MVC", "H L N X", CVSS_MORE, { 0 } },
	{ "MVI", "H L N X", CVSS_MORE, { 0 } },
	{ "MVA", "H L N X", CVSS_MORE, { 0 } },
	{ "MSC", "H L N X", CVSS_MORE, { 0 } },
	{ "MSI", "H L N S X", CVSS_MORE, { 0 } },
	{ "MSA", "H L N S X", CVSS_MORE, { 0 } },
	/* supplemental: they carry no score */
	{ "S", "N P X", CVSS_MORE, { 0 } },
	{ "AU", "N Y X", CVSS_MORE, { 0 } },
	{ "R", "A U I X", CVSS_MORE, { 0 } },
	{ "V", "D C X", CVSS_MORE, { 0 } },
	{ "RE", "L M H X", CVSS_MORE, { 0 } },
	{ "U", "Clear Green Amber Red X", CVSS_MORE, { 0 } },
	{ NULL },
};

/* Severity levels of the metrics, 0 the highest: places of the table but for SC, SI, SA, where Safety stands above
 * High. */
enum { AV, AC, AT, PR, UI, VC, VI, VA, SC, SI, SA, E, CR, IR, AR, METRICS, MAV = AR + 1 };
#define H 0
#define L 1
#define N 2

/* Tenths of a point by macro vector [EQ1][EQ2][2 * EQ3 + EQ6][EQ4][EQ5] (specification, table 24 ff.); 0: there is none
 * such. */
static const unsigned char lookup[3][2][6][3][3] = {
	{
		{ { { 100, 98, 95 }, { 100, 93, 91 }, { 93, 89, 81 } },
		  { { 99, 95, 92 }, { 96, 87, 81 }, { 90, 80, 68 } },
		  { { 98, 95, 90 }, { 93, 89, 81 }, { 88, 78, 69 } },
		  { { 95, 92, 84 }, { 92, 81, 65 }, { 80, 70, 48 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 92, 82, 72 }, { 79, 69, 50 }, { 69, 55, 27 } } },
		{ { { 99, 95, 92 }, { 95, 90, 84 }, { 92, 82, 72 } },
		  { { 97, 92, 85 }, { 91, 83, 71 }, { 81, 71, 53 } },
		  { { 95, 92, 85 }, { 92, 80, 70 }, { 84, 71, 50 } },
		  { { 93, 85, 73 }, { 82, 72, 59 }, { 70, 52, 30 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 86, 75, 52 }, { 71, 52, 29 }, { 63, 29, 17 } } },
	},
	{
		{ { { 98, 94, 91 }, { 94, 86, 77 }, { 87, 74, 63 } },
		  { { 95, 87, 81 }, { 89, 74, 64 }, { 75, 63, 49 } },
		  { { 94, 88, 76 }, { 86, 74, 59 }, { 72, 57, 52 } },
		  { { 89, 77, 67 }, { 76, 58, 50 }, { 57, 52, 25 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 83, 70, 54 }, { 65, 58, 26 }, { 53, 21, 13 } } },
		{ { { 95, 88, 76 }, { 90, 75, 61 }, { 77, 68, 52 } },
		  { { 90, 76, 70 }, { 77, 62, 53 }, { 66, 59, 30 } },
		  { { 89, 76, 62 }, { 74, 57, 47 }, { 61, 57, 24 } },
		  { { 78, 67, 58 }, { 59, 57, 23 }, { 52, 29, 16 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 71, 59, 30 }, { 58, 26, 15 }, { 23, 13, 6 } } },
	},
	{
		{ { { 93, 86, 75 }, { 86, 74, 56 }, { 70, 52, 40 } },
		  { { 87, 72, 58 }, { 74, 61, 34 }, { 54, 40, 22 } },
		  { { 85, 74, 62 }, { 72, 55, 46 }, { 53, 34, 19 } },
		  { { 75, 55, 51 }, { 57, 41, 19 }, { 36, 19, 8 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 64, 51, 20 }, { 47, 21, 11 }, { 24, 9, 4 } } },
		{ { { 88, 73, 60 }, { 73, 59, 41 }, { 54, 45, 20 } },
		  { { 75, 53, 50 }, { 55, 40, 20 }, { 43, 22, 11 } },
		  { { 75, 58, 40 }, { 61, 48, 20 }, { 46, 17, 8 } },
		  { { 55, 45, 21 }, { 51, 18, 9 }, { 18, 7, 2 } },
		  { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } },
		  { { 53, 24, 14 }, { 24, 12, 5 }, { 10, 3, 1 } } },
	},
};

struct macro {
	int eq1, eq2, eq36, eq4, eq5;
};

/* 0 when there is no such macro vector. */
static int tenths(struct macro m)
{
	if (m.eq1 > 2 || m.eq2 > 1 || m.eq36 > 5 || m.eq4 > 2 || m.eq5 > 2)
		return 0;
	return lookup[m.eq1][m.eq2][m.eq36][m.eq4][m.eq5];
}

static struct macro macro_of(const int *m)
{
	struct macro q;
	bool network = m[AV] == 0, no_rights = m[PR] == 0, no_user = m[UI] == 0;
	q.eq1 = network && no_rights && no_user ? 0 : (network || no_rights || no_user) && m[AV] != 3 ? 1 : 2;
	q.eq2 = m[AC] == 0 && m[AT] == 0 ? 0 : 1;
	int eq3 = m[VC] == H && m[VI] == H ? 0 : m[VC] == H || m[VI] == H || m[VA] == H ? 1 : 2;
	int eq6 = (m[CR] == H && m[VC] == H) || (m[IR] == H && m[VI] == H) || (m[AR] == H && m[VA] == H) ? 0 : 1;
	q.eq36 = 2 * eq3 + eq6;
	/* the subsequent system's levels: 0 Safety, 1 High, 2 Low, 3 None */
	q.eq4 = m[SI] == 0 || m[SA] == 0 ? 0 : m[SC] == 1 || m[SI] == 1 || m[SA] == 1 ? 1 : 2;
	q.eq5 = m[E];
	return q;
}

/* The highest vectors of each class: levels of the metrics named; ends with -1. Specification, table 24 to 29 ("Highest
 * severity vectors"); the depth is how many levels the class spans. */
struct class_top {
	int n;
	signed char top[5][6];
	int depth;
};
static const struct class_top tops1[] = {
	/* AV PR UI */
	{ 1, { { 0, 0, 0 } }, 1 },
	{ 3, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, 4 },
	{ 2, { { 3, 0, 0 }, { 1, 1, 1 } }, 5 },
};
static const struct class_top tops2[] = {
	/* AC AT */
	{ 1, { { 0, 0 } }, 1 },
	{ 2, { { 1, 0 }, { 0, 1 } }, 2 },
};
static const struct class_top tops36[] = {
	/* VC VI VA CR IR AR; 1 is Low of the first three, Medium of the others */
	{ 1, { { H, H, H, 0, 0, 0 } }, 7 },
	{ 2, { { H, H, L, 1, 1, 0 }, { H, H, H, 1, 1, 1 } }, 6 },
	{ 2, { { L, H, H, 0, 0, 0 }, { H, L, H, 0, 0, 0 } }, 8 },
	{ 5,
	  { { L, H, L, 0, 1, 0 },
	    { L, H, H, 0, 1, 1 },
	    { H, L, H, 1, 0, 1 },
	    { H, L, L, 1, 0, 0 },
	    { L, L, H, 0, 0, 1 } },
	  8 },
	{ 0, { { 0 } }, 1 },
	{ 1, { { L, L, L, 0, 0, 0 } }, 10 },
};
static const struct class_top tops4[] = {
	/* SC SI SA */
	{ 1, { { 1, 0, 0 } }, 6 },
	{ 1, { { 1, 1, 1 } }, 5 },
	{ 1, { { 2, 2, 2 } }, 4 },
};

/* How many levels the vector lies below the first top that no metric is above. */
static int distance(const struct class_top *c, const int *m, const int *which, int count)
{
	for (int t = 0; t < c->n; t++) {
		int sum = 0, k = 0;
		while (k < count && m[which[k]] >= c->top[t][k]) {
			sum += m[which[k]] - c->top[t][k];
			k++;
		}
		if (k == count)
			return sum;
	}
	return 0;
}

struct lower {
	double sum;
	int classes;
};

/* One class's share: of what the next lower macro vector would take off, the part that the vector has gone down. */
static void add_lower(struct lower *l, int value, int next, int gone, int depth)
{
	if (!next)
		return;
	l->sum += (value - next) / 10.0 * gone / depth;
	l->classes++;
}

static double score_levels(const int *m)
{
	static const int of1[] = { AV, PR, UI }, of2[] = { AC, AT }, of36[] = { VC, VI, VA, CR, IR, AR },
			 of4[] = { SC, SI, SA };
	if (m[VC] == N && m[VI] == N && m[VA] == N && m[SC] == 3 && m[SI] == 3 && m[SA] == 3)
		return 0;
	struct macro q = macro_of(m), next = q;
	struct lower l = { 0, 0 };
	int value = tenths(q);
	next.eq1++;
	add_lower(&l, value, tenths(next), distance(&tops1[q.eq1], m, of1, 3), tops1[q.eq1].depth);
	next = q;
	next.eq2++;
	add_lower(&l, value, tenths(next), distance(&tops2[q.eq2], m, of2, 2), tops2[q.eq2].depth);
	next = q;
	/* EQ3 and EQ6 go down together: 00 to 01 or 10, whichever scores higher; 01 and 10 to 11; 11 to 21 */
	struct macro other = q;
	next.eq36 = q.eq36 == 0 ? 1 : q.eq36 == 1 || q.eq36 == 2 ? 3 : q.eq36 == 3 ? 5 : 6;
	other.eq36 = q.eq36 == 0 ? 2 : next.eq36;
	add_lower(&l, value, RF_MAX(tenths(next), tenths(other)), distance(&tops36[q.eq36], m, of36, 6),
		  tops36[q.eq36].depth);
	next = q;
	next.eq4++;
	add_lower(&l, value, tenths(next), distance(&tops4[q.eq4], m, of4, 3), tops4[q.eq4].depth);
	next = q;
	next.eq5++;
	add_lower(&l, value, tenths(next), 0, 1);
	double score = value / 10.0 - (l.classes ? l.sum / l.classes : 0);
	/* 1e-6: half a tenth must not fall for how it is held */
	return RF_MAX(0.0, RF_MIN(10.0, floor(score * 10 + 0.5 + 1e-6) / 10));
}

static bool defined(const int *places, int metric, int not_defined)
{
	return places[metric] >= 0 && places[metric] != not_defined;
}

/* The levels that count: the worst where a requirement or the threat is not defined (specification 7). */
static void levels_of(const int *places, bool with_more, int *m)
{
	static const int not_defined[] = { 4, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4 };
	for (int i = AV; i <= SA; i++) {
		int modified = MAV + i;
		bool use = with_more && defined(places, modified, not_defined[i]);
		m[i] = use ? places[modified] : places[i];
		if (i >= SC)
			m[i] = use && m[i] == 3 ? 0 : m[i] + 1;
	}
	for (int i = E; i <= AR; i++)
		m[i] = with_more && defined(places, i, 3) ? places[i] : 0;
}

void cvss4_score(const int *places, struct cvss *ret)
{
	int m[METRICS];
	levels_of(places, false, m);
	ret->base = score_levels(m);
	levels_of(places, true, m);
	ret->score = score_levels(m);
}
