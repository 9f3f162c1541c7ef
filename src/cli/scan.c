/* What `scan` was given, argument by argument, and how reports are shown. See scan.h. */
#include "cli/scan.h"

const struct scan_source *const scan_sources[] = {
	&scan_source_kubernetes,
	&scan_source_sbom,
	&scan_source_dockerfile,
	&scan_source_image,
	&scan_source_path, /* last: anything may be a path */
	NULL,
};

void scanning_progress(uint64_t files, uint64_t bytes, const char *path, void *data)
{
	struct scanning *s = data;
	char size[32], text[64];
	snprintf(text, sizeof text, "%s hashed", text_bytes(bytes, size));
	(void)path;
	progress_show(&s->progress, "scan", (int64_t)files, 0, -1, text);
}

static int print_json(struct scanning *s, const struct scan_file *f)
{
	str_reset(&s->line);
	struct json_out o = json_out(&s->line, false);
	scan_file_json(&o, f);
	return out_json(&s->line, s->err);
}

static void print_row(struct scanning *s, const struct scan_file *f)
{
	const struct artifact_facts *a = f->facts;
	const char *finding = artifact_finding_text(a->finding);
	table_cell(&s->table, COLOUR_NONE, span_of(f->path));
	table_text(&s->table, a->kind);
	table_text(&s->table, a->version[0] ? a->version : "-");
	table_text(&s->table, a->version[0] ? artifact_version_source_text(a->version_source) : "");
	table_text(&s->table, a->target[0] ? a->target : "-");
	table_cell(&s->table, colour_of(finding), span_of(finding));
	const struct triton_verdict *t = f->triton;
	if (a->note_count || !t || t->load == TRITON_OUTSIDE || t->load == TRITON_LOADED)
		table_text(&s->table, a->note_count ? a->notes[0] : "");
	else
		table_f(&s->table, COLOUR_NONE, "Triton: %s, %s", triton_load_text(t->load), t->words);
}

/* What its tags prove, and the images that prove nothing: a row each. */
static void print_images(struct scanning *s, const struct scan_file *f)
{
	for (size_t i = 0; i < f->facts->component_count; i++)
		scanning_component(s, f->path, &f->facts->components[i]);
	for (size_t i = 1; i < f->facts->note_count; i++)
		scanning_note(s, f->path, f->facts->notes[i]);
}

static bool is_interesting(const struct scanning *s, const struct scan_file *f)
{
	bool says_nothing = strcmp(f->facts->kind, ARTIFACT_OTHER) == 0 || (f->in_image && artifact_kind_only_holds(span_of(f->facts->kind)));
	return s->all || f->error || f->facts->finding != ARTIFACT_CLEAR || !says_nothing;
}

/* People see what matters: engines, what is wrong; --all shows every file. JSON always has all. */
int scanning_take(const struct scan_file *f, void *data)
{
	struct scanning *s = data;
	struct scan_file file = *f;
	struct triton_verdict verdict;
	if (!file.triton && !file.outer && !file.error && file.identity.inode && is_interesting(s, f)) {
		s->triton = s->triton ? s->triton : triton_repositories_new();
		int rc = s->triton ? triton_look(s->triton, file.path, &verdict, s->err) :
				     err_set(s->err, RF_ENOMEM, "no memory for model repositories");
		if (rc)
			return rc;
		file.triton = &verdict;
	}
	if (s->json)
		return print_json(s, &file);
	if (is_interesting(s, &file))
		print_row(s, &file);
	if (strcmp(file.facts->kind, ARTIFACT_DOCKERFILE) == 0)
		print_images(s, &file);
	return 0;
}

void scanning_component(struct scanning *s, const char *path, const struct artifact_component *c)
{
	table_cell(&s->table, COLOUR_NONE, span_of(path));
	table_text(&s->table, "component");
	table_cell(&s->table, COLOUR_NONE, c->version.n ? c->version : SPAN("-"));
	table_text(&s->table, c->source);
	table_text(&s->table, "-");
	table_cell(&s->table, COLOUR_YELLOW, c->version.n ? SPAN("") : SPAN("unknown"));
	table_cell(&s->table, COLOUR_NONE, c->product);
}

void scanning_note(struct scanning *s, const char *path, const char *note)
{
	table_cell(&s->table, COLOUR_NONE, span_of(path));
	for (int i = 0; i < 5; i++)
		table_text(&s->table, "");
	table_text(&s->table, note);
}

struct scan_options scanning_options(const struct invocation *in, struct scanning *s)
{
	return (struct scan_options){
		.no_digest = option_flag(in, "no-digest"), .evidence = option_flag(in, "evidence"), .progress = scanning_progress,
		.progress_data = s,
		.threads = (unsigned)RF_MAX(RF_MIN(option(in, "threads")->number, 256), 0),
	};
}

static const struct scan_source *source_of(const char *arg)
{
	size_t i = 0;
	while (scan_sources[i + 1] && !scan_sources[i]->is(arg))
		i++;
	return scan_sources[i];
}

int scan_arguments(const struct invocation *in, struct scanning *s, struct scan_totals *totals, struct err *err)
{
	int rc = 0;
	for (size_t i = 0, n; i < in->argument_count && rc == 0; i += n) {
		const struct scan_source *source = source_of(in->arguments[i]);
		for (n = 1; i + n < in->argument_count && source_of(in->arguments[i + n]) == source;)
			n++;
		rc = source->run(in, in->arguments + i, n, s, totals, err);
	}
	return rc;
}
