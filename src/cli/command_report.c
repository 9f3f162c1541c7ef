/* report - one response as HTML, Markdown or JSON. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"

#include "response/report.h"

struct lookup {
	const char *what;
	int64_t incident;
};

static int find(struct transaction *tx, void *data)
{
	struct lookup *l = data;
	return incident_find(tx, span_of(l->what), &l->incident);
}

static int print_one(const struct response_context *context, int64_t incident, enum report_format format, enum report_language language, struct err *err)
{
	struct arena arena = ARENA_INIT(1024 * MIB);
	struct report report;
	RF_AUTO(str) text = STR_INIT(REPORT_MAX_BYTES);
	int rc = report_make(context, incident, &arena, &report, err);
	if (rc == 0)
		rc = report_render(&report, format, language, &text, err);
	if (rc == 0)
		out_str(&text);
	arena_release(&arena);
	return rc;
}

static int run_report(const struct invocation *in, struct err *err)
{
	struct site site;
	struct lookup l = { .what = in->arguments[0] };
	enum report_format format = REPORT_HTML;
	enum report_language language = REPORT_EN;
	char path[FS_PATH_MAX];
	if (!report_format_read(span_of(option_text(in, "format", in->json ? "json" : "html")), &format) ||
	    !report_language_read(span_of(option_text(in, "lang", "en")), &language))
		return err_set(err, RF_EUSAGE, "--format html, markdown or json; --lang en or zh-CN");
	int rc = site_open(in, SITE_DATABASE | SITE_DEPOT, &site, err);
	struct response_context context = site_context(&site, true);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, find, &l, err);
	if (rc == 0 && (in->json || option_flag(in, "stdout"))) {
		rc = print_one(&context, l.incident, format, language, err);
	} else if (rc == 0) {
		rc = report_write(&context, l.incident, format, language, path, sizeof path, err);
		if (rc == 0) {
			out_visible(span_of(path));
			out("\n");
		}
	}
	site_release(&site);
	return rc;
}

static const struct option_row report_options[] = {
	{ "format", 'f', OPTION_TEXT, "FORMAT", "default: html", "html markdown md json" },
	{ "lang", 'l', OPTION_TEXT, "LANGUAGE", "default: en", "en zh-CN zh" },
	{ "stdout", 0, OPTION_FLAG, NULL, "print it instead of writing it to reports/", NULL },
	{ 0 } };
const struct command command_report = {
	"report", "one response: what, when, who, before and after, evidence, what is left",
	(const struct verb[]){ { "", "INCIDENT|CVE", "one response: what, when, who, before and after, evidence, what is left", 1, 1, report_options, run_report,
	                         "Writes reports/<incident>.<format>, one self-contained file, and prints its path. --json prints the JSON report." }, { 0 } },
};
