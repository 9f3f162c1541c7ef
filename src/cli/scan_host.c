/* scan --host - this machine's report, for `inventory import` elsewhere. Needs no workspace. */
#include "cli/output.h"
#include "cli/scan.h"

#include "base/fs.h"
#include "base/log.h"
#include "inventory/host_scan.h"

#include <unistd.h>

struct hosting {
	struct progress progress;
	struct str content, report;
	struct signing_key *key;
};

static void show_progress(uint64_t files, uint64_t bytes, const char *path, void *data)
{
	struct hosting *h = data;
	char size[32], text[64];
	snprintf(text, sizeof text, "%s hashed", text_bytes(bytes, size));
	(void)path;
	progress_show(&h->progress, "scan", (int64_t)files, 0, -1, text);
}

static int report_put(const struct invocation *in, struct hosting *h, struct err *err)
{
	const char *file = option_text(in, "output", NULL);
	if (file)
		return fs_write_atomic(file, str_span(&h->report), 0600, err);
	if (fwrite(h->report.p, 1, h->report.n, stdout) != h->report.n)
		return err_set(err, RF_EIO, "the report could not be written");
	return 0;
}

static void tell(const struct invocation *in, const struct host_scan_result *r)
{
	if (r->closed)
		log_warn("%zu process%s could not be looked into: %s", r->closed, r->closed == 1 ? "" : "es",
			 geteuid() == 0 ? "closed to root too (no CAP_SYS_PTRACE here, a security module), or more mappings than are read"
					: "run as root");
	if (!option_text(in, "output", NULL) || in->quiet)
		return;
	fprintf(stderr, "%zu artifacts, %zu programs that use them, %zu replaced files that still run; %zu unread\n", r->files,
		r->processes, r->deleted, r->unread);
}

static int make(const struct invocation *in, struct hosting *h, struct host_scan_result *result, struct err *err)
{
	struct host_header header;
	size_t standard = 0;
	while (host_scan_roots[standard])
		standard++;
	struct host_scan o = { .roots = in->argument_count ? in->arguments : host_scan_roots,
			       .roots_n = in->argument_count ? in->argument_count : standard,
			       .proc = "/proc",
			       .threads = (unsigned)RF_MAX(RF_MIN(option(in, "threads")->number, 256), 0),
			       .evidence = option_flag(in, "evidence"),
			       .progress = show_progress,
			       .data = h };
	int rc = host_identify(option_text(in, "name", NULL), &header, err);
	if (rc == 0 && option_text(in, "key", NULL))
		rc = signing_key_load(option_text(in, "key", NULL), &h->key, err);
	if (rc == 0)
		rc = host_scan(&o, &h->content, result, err);
	return rc ? rc : host_report_write(&header, str_span(&h->content), h->key, &h->report, err);
}

int scan_host(const struct invocation *in, struct err *err)
{
	struct hosting h = { .content = STR_INIT(HOST_REPORT_MAX_BYTES), .report = STR_INIT(HOST_REPORT_MAX_BYTES) };
	struct host_scan_result result = { 0 };
	if (option_flag(in, "no-digest"))
		return err_set(err, RF_EUSAGE, "a report needs digests: --host goes without --no-digest");
	progress_begin(&h.progress, in);
	int rc = make(in, &h, &result, err);
	progress_end(&h.progress);
	if (rc == 0)
		rc = report_put(in, &h, err);
	if (rc == 0)
		tell(in, &result);
	signing_key_freep(&h.key);
	str_release(&h.content);
	str_release(&h.report);
	/* what was met stands in the report: whoever imports it is told; here only what could not be looked at counts */
	return rc ? rc : result.unread || result.closed ? 3 : 0;
}
