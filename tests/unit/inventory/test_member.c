/* What lies inside of containers: members of every size and manner, limits, damage; a container that is not read again. */
#include "reading.h"

#include "base/fs.h"
#include "inventory/fleet.h"
#include "inventory/fleet_store.h"
#include "inventory/scan_member.h"

#include <unistd.h>

/* ── A reader by a script ────────────────────────────────────────────────────────────────────────────────────────── */

enum act { PUT, CUT, UNREAD, FAIL, MANY };
struct step {
	enum act act;
	const char *name;
	const struct specimen *specimen; /* NULL: @text */
	const char *text;
	bool size_unknown;
	enum scan_unread why;
	uint64_t states; /* a size that is not the real one; 0 */
};
struct script {
	const struct step *steps;
	int last; /* what the reader was told last */
};

static int zeros_add(struct scan_members *m, uint64_t n, struct err *err)
{
	static const char zeros[100000]; /* odd pieces */
	int rc = 0;
	for (size_t take; rc == 0 && n; n -= take) {
		take = (size_t)RF_MIN(n, (uint64_t)sizeof zeros);
		rc = scan_member_add(m, zeros, take, err);
	}
	return rc;
}

static int specimen_add(struct scan_members *m, const struct specimen_image *i, struct err *err)
{
	int rc = scan_member_add(m, i->head, i->head_bytes, err);
	if (rc == 0)
		rc = zeros_add(m, i->size_bytes - i->head_bytes - i->tail_bytes, err);
	return rc ? rc : scan_member_add(m, i->tail, i->tail_bytes, err);
}

static int step_run(struct scan_members *m, const struct step *s, struct err *err)
{
	static struct specimen_image image;
	uint64_t size = s->text ? strlen(s->text) : 0;
	if (s->act == FAIL)
		return (void)err_set(err, RF_EFORMAT, "a rule of the container"), err_at_offset(err, 77);
	if (s->act == UNREAD)
		return scan_member_unread(m, span_of(s->name), s->why, span_of(s->text), err);
	if (s->specimen && specimen_make(s->specimen, &image, err) < 0)
		return RF_EINVALID;
	size = s->specimen ? image.size_bytes : size;
	int rc = scan_member_begin(m, span_of(s->name),
				   s->size_unknown ? SCAN_MEMBER_SIZE_UNKNOWN : s->states ? s->states : size, err);
	if (rc == 0)
		rc = s->specimen ? specimen_add(m, &image, err) : scan_member_add(m, s->text, (size_t)size, err);
	if (rc)
		return rc;
	return s->act == CUT ? scan_member_cut(m, SPAN("a test's rule"), err) : scan_member_end(m, err);
}

static int read_script(struct scan_members *m, void *data, struct err *err)
{
	struct script *script = data;
	int rc = 0;
	for (const struct step *s = script->steps; rc == 0 && (s->name || s->act == FAIL || s->act == MANY); s++) {
		if (s->act == MANY)
			for (unsigned i = 0; i <= SCAN_MEMBER_MAX_COUNT && rc == 0; i++)
				rc = scan_member_unread(m, SPAN("x"), SCAN_UNREAD_SPECIAL, SPAN_NONE, err);
		else
			rc = step_run(m, s, err);
	}
	return script->last = rc;
}

/* ── What is reported ────────────────────────────────────────────────────────────────────────────────────────────── */

struct seen {
	struct str lines;
	uint64_t stop_at, files;
};

/* "inner kind version finding rule,rule hashed" a line */
static int on_member(const struct scan_file *f, void *data)
{
	struct seen *s = data;
	const struct artifact_facts *a = f->facts;
	str_addf(&s->lines, "%s %s %s %s", f->inner, a->kind, a->version, artifact_finding_text(a->finding));
	for (size_t i = 0; i < a->rule_count; i++)
		str_addf(&s->lines, "%s%s", i ? "," : " ", a->rules[i]);
	str_addf(&s->lines, "%s%s\n", f->has_digest ? " hashed" : "", f->error ? " error" : "");
	assert_string_equal(f->outer, "outer.tar");
	return ++s->files == s->stop_at ? 7 : 0;
}

static struct scan_inside walk(const struct step *steps, const char *expected)
{
	struct script script = { .steps = steps };
	struct scan_container c = { .path = "outer.tar", .root = ".", .read = read_script, .data = &script };
	struct scan_options o = { .evidence = true };
	struct seen seen = { .lines = STR_INIT(1 * MIB) };
	struct scan_inside inside;
	struct err err = ERR_INIT;
	assert_ok(scan_members(&c, &o, on_member, &seen, &inside, &err), &err);
	assert_string_equal(str_text(&seen.lines), expected);
	str_release(&seen.lines);
	return inside;
}

static const struct specimen small = { .version = { 10, 3, 0, 26 }, .cc_major = 8, .cc_minor = 6 };
static const struct specimen large = {
	.version = { 10, 13, 3, 9 }, .cc_major = 8, .cc_minor = 9, .size_bytes = 40 * MIB
};

static void sizes(void **state)
{
	(void)state;
	static const struct step steps[] = { { PUT, "a/small.plan", &small, NULL, false, 0, 0 },
					     { PUT, "empty.txt", NULL, "", false, 0, 0 },
					     { PUT, "a/large.plan", &large, NULL, false, 0, 0 },
					     { PUT, "stream.plan", &small, NULL, true, 0, 0 },
					     { PUT, "large-stream.plan", &large, NULL, true, 0, 0 },
					     { PUT, "text.txt", NULL, "hello", false, 0, 0 },
					     { 0 } };
	struct scan_inside i = walk(steps, "a/small.plan tensorrt-plan 10.3.0.26  hashed\n"
					   "empty.txt other   hashed\n"
					   "a/large.plan tensorrt-plan 10.13.3.9  hashed\n"
					   "stream.plan tensorrt-plan 10.3.0.26  hashed\n"
					   "large-stream.plan tensorrt-plan 10.13.3.9  hashed\n"
					   "text.txt other   hashed\n");
	assert_int_equal(i.rc, 0);
	assert_int_equal(i.totals.engines, 4);
	assert_int_equal(i.totals.files, 6);
	assert_true(i.bytes > 80 * MIB);
}

static void names(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ PUT, "/abs.plan", &small, NULL, false, 0, 0 },
		{ PUT, "./././x.plan", &small, NULL, false, 0, 0 },
		{ PUT, "../out.plan", &small, NULL, false, 0, 0 },
		{ PUT, "a/../b.plan", &small, NULL, false, 0, 0 },
		{ PUT, "/", NULL, "x", false, 0, 0 },
		{ UNREAD, "l.plan", NULL, "x.plan", false, SCAN_UNREAD_LINK, 0 },
		{ UNREAD, "d/l.plan", NULL, "../x.plan", false, SCAN_UNREAD_LINK, 0 },
		{ UNREAD, "d/o.plan", NULL, "../../x.plan", false, SCAN_UNREAD_LINK, 0 },
		{ UNREAD, "p.plan", NULL, "/etc/passwd", false, SCAN_UNREAD_LINK, 0 },
		{ UNREAD, "p.txt", NULL, "/etc/passwd", false, SCAN_UNREAD_LINK, 0 },
		{ UNREAD, "e.plan", NULL, "", false, SCAN_UNREAD_ENCRYPTED, 0 },
		{ UNREAD, "fifo", NULL, "", false, SCAN_UNREAD_SPECIAL, 0 },
		{ UNREAD, "fifo.plan", NULL, "", false, SCAN_UNREAD_SPECIAL, 0 },
		{ 0 },
	};
	struct scan_inside i = walk(steps, "abs.plan tensorrt-plan 10.3.0.26  hashed\n"
					   "x.plan tensorrt-plan 10.3.0.26  hashed\n"
					   "../out.plan tensorrt-plan 10.3.0.26 unknown member_name_leaves hashed\n"
					   "a/../b.plan tensorrt-plan 10.3.0.26 unknown member_name_leaves hashed\n"
					   "data other   hashed\n"
					   "l.plan other  \n"
					   "d/l.plan other  \n"
					   "d/o.plan other  unknown link_leaves\n"
					   "p.plan other  unknown link_leaves\n"
					   "p.txt other  \n"
					   "e.plan other  unknown member_encrypted error\n"
					   "fifo other  \n"
					   "fifo.plan other  unknown member_special\n");
	assert_int_equal(i.unsafe_names, 4);
	assert_int_equal(i.links, 5);
	assert_int_equal(i.unread, 1);
}

static void damage(void **state)
{
	(void)state;
	static const struct step cut[] = { { CUT, "cut.plan", &small, NULL, false, 0, 0 },
					   { CUT, "cut-large.plan", &large, NULL, false, 0, 0 },
					   { PUT, "lies.plan", &small, NULL, false, 0, 5000000 },
					   { PUT, "fine.plan", &small, NULL, false, 0, 0 },
					   { FAIL, NULL, NULL, NULL, false, 0, 0 } };
	struct scan_inside i = walk(cut, "cut.plan tensorrt-plan 10.3.0.26 unknown member_cut error\n"
					 "cut-large.plan tensorrt-plan 10.13.3.9 unknown member_cut error\n"
					 "lies.plan tensorrt-plan 10.3.0.26 unknown member_size_mismatch hashed\n"
					 "fine.plan tensorrt-plan 10.3.0.26  hashed\n");
	assert_int_equal(i.rc, RF_EFORMAT);
	assert_int_equal(i.err.offset, 77);
	struct arena a = ARENA_INIT(1 * MIB);
	struct artifact_source none = artifact_source_bytes(SPAN("PK\5\6"));
	struct artifact_facts facts;
	assert_ok(artifact_read(&none, SPAN("x.zip"), 0, &a, &facts, NULL), NULL);
	assert_int_equal(scan_inside_judge(&i, &a, &facts), 0);
	assert_int_equal(facts.finding, ARTIFACT_UNKNOWN);
	assert_string_equal(facts.rules[0], "container_damaged");
	assert_true(has_note(&facts, "4 files inside, 4 engines"));
	assert_true(has_note(&facts, "offset 77"));
	arena_release(&a);
}

/* Beyond a limit nothing is looked at, and that is said. */
static void limits(void **state)
{
	(void)state;
	static const struct step many[] = { { MANY, NULL, NULL, NULL, false, 0, 0 }, { 0 } };
	struct script script = { .steps = many };
	struct scan_container c = { .path = "outer.tar", .root = ".", .read = read_script, .data = &script };
	struct scan_options o = { 0 };
	struct seen seen = { .lines = STR_INIT(1 * MIB) };
	struct scan_inside i;
	struct err err = ERR_INIT;
	assert_ok(scan_members(&c, &o, on_member, &seen, &i, &err), &err);
	assert_int_equal(i.rc, RF_ETOOMANY);
	assert_string_equal(i.rule, "bomb_members");
	assert_int_equal(seen.files, SCAN_MEMBER_MAX_COUNT);
	str_release(&seen.lines);
}

/* Whoever takes reports may end the walk; the reader is told. */
static void stopped(void **state)
{
	(void)state;
	static const struct step steps[] = { { PUT, "1.plan", &small, NULL, false, 0, 0 },
					     { PUT, "2.plan", &large, NULL, false, 0, 0 },
					     { PUT, "3.plan", &large, NULL, false, 0, 0 },
					     { 0 } };
	struct script script = { .steps = steps };
	struct scan_container c = { .path = "outer.tar", .root = ".", .read = read_script, .data = &script };
	struct scan_options o = { 0 };
	struct seen seen = { .lines = STR_INIT(1 * MIB), .stop_at = 2 };
	struct scan_inside i;
	struct err err = ERR_INIT;
	assert_int_equal(scan_members(&c, &o, on_member, &seen, &i, &err), 7);
	assert_int_equal(script.last, RF_ECANCELLED);
	assert_int_equal(seen.files, 2);
	str_release(&seen.lines);
}

/* ── Files on a disk ─────────────────────────────────────────────────────────────────────────────────────────────── */

/* POSIX.1-1988: name, mode, ids, size, time, checksum, type; the content in blocks of 512. */
static void tar_add(struct str *tar, const char *name, struct span content)
{
	char h[512] = { 0 };
	unsigned sum = 0;
	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", 0644);
	snprintf(h + 124, 12, "%011zo", content.n);
	snprintf(h + 136, 12, "%011o", 0);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, "ustar\0"
			"00",
	       8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	str_add(tar, span_bytes(h, sizeof h));
	str_add(tar, content);
	while (tar->n % 512)
		str_add_byte(tar, '\0');
}

static void tar_end(struct str *tar)
{
	char zeros[1024] = { 0 };
	str_add(tar, span_bytes(zeros, sizeof zeros));
}

static void specimen_text(struct str *to, unsigned major)
{
	static struct image image;
	struct specimen s = { .version = { major, 3, 0, 1 }, .cc_major = 8, .cc_minor = 6 };
	image_make(&s, &image);
	str_reset(to);
	str_add(to, span_bytes(image.bytes, image.n));
}

struct site {
	char folder[FS_PATH_MAX], tar[FS_PATH_MAX];
	struct database *db;
	struct workspace *workspace;
	struct err err;
};

static void tar_put(struct site *x, unsigned first, unsigned second)
{
	RF_AUTO(str) tar = STR_INIT(4 * MIB), inner = STR_INIT(4 * MIB), engine = STR_INIT(1 * MIB);
	specimen_text(&engine, second);
	tar_add(&inner, "deep.plan", str_span(&engine));
	tar_end(&inner);
	specimen_text(&engine, first);
	tar_add(&tar, "m/a.plan", str_span(&engine));
	tar_add(&tar, "readme.txt", SPAN("hello"));
	tar_add(&tar, "in.tar", str_span(&inner));
	tar_end(&tar);
	assert_ok(fs_write_atomic(x->tar, str_span(&tar), 0644, &x->err), &x->err);
}

static int open_site(void **state)
{
	struct site *x = calloc(1, sizeof *x);
	char path[FS_PATH_MAX];
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS };
	static const char yaml[] = "site: test\nenvironments: {production: {}}\nservices:\n"
				   "  voice: {owner: {name: v, contact: v}, reach: internal, criticality: normal,"
				   " environments: [production], roots: [engines]}\n";
	x->err = ERR_INIT;
	assert_ok(fs_temporary_dir("member", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(fs_join(path, sizeof path, x->folder, WORKSPACE_FILE, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, span_of(yaml), 0644, &x->err), &x->err);
	assert_ok(fs_join(path, sizeof path, x->folder, "engines", &x->err), &x->err);
	assert_ok(fs_make_dirs(path, 0755, &x->err), &x->err);
	assert_ok(fs_join(x->tar, sizeof x->tar, path, "all.tar", &x->err), &x->err);
	assert_ok(workspace_open(x->folder, &x->workspace, &x->err), &x->err);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 2, &x->err), &x->err);
	*state = x;
	return 0;
}

static int close_site(void **state)
{
	struct site *x = *state;
	workspace_free(x->workspace);
	database_close(x->db);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static int on_placement(const struct inventory_placement *p, void *data)
{
	size_t at = span_find(p->path, SPAN("all.tar"));
	struct span path = span_from(p->path, at);
	str_addf(data, "%.*s %.*s %.*s %s\n", SPAN_ARG(path), SPAN_ARG(p->artifact.kind), SPAN_ARG(p->artifact.version),
		 p->gone_at == USEC_NONE ? "open" : "gone");
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct inventory_filter f = { .with_gone = true };
	str_reset(data);
	return inventory_each_placement(tx, &f, on_placement, data);
}

static struct fleet_result fleet(struct site *x, const char *expected)
{
	struct fleet_result result;
	struct fleet_scan o = { .host = "h1" };
	RF_AUTO(str) lines = STR_INIT(64 * KIB);
	assert_ok(fleet_scan(x->db, x->workspace, &o, &result, &x->err), &x->err);
	assert_ok(database_transact(x->db, DB_READ, list, &lines, &x->err), &x->err);
	assert_string_equal(str_text(&lines), expected);
	return result;
}

static void not_read_again(void **state)
{
	struct site *x = *state;
	static const char first[] = "all.tar archive  open\n"
				    "all.tar!/in.tar archive  open\n"
				    "all.tar!/in.tar!/deep.plan tensorrt-plan 8.3.0.1 open\n"
				    "all.tar!/m/a.plan tensorrt-plan 10.3.0.1 open\n";
	tar_put(x, 10, 8);
	struct fleet_result r = fleet(x, first);
	assert_int_equal(r.changes.added, 4);
	assert_int_equal(r.totals.engines, 2);
	usleep(1100 * 1000); /* what changed within a second is not remembered */
	fleet(x, first);
	r = fleet(x, first);
	assert_int_equal(r.totals.bytes_hashed, 0);
	assert_int_equal(r.totals.cached, 1);
	assert_int_equal(r.totals.engines, 2);
	assert_int_equal(r.changes.unchanged, 4);
	assert_int_equal(r.changes.vanished, 0);
	/* an unchanged container in another service is known there too */
	char path[FS_PATH_MAX];
	static const char yaml[] = "site: test\nenvironments: {production: {}}\nservices:\n"
				   "  speech: {owner: {name: v, contact: v}, reach: internal, criticality: normal,"
				   " environments: [production], roots: [engines]}\n";
	assert_ok(fs_join(path, sizeof path, x->folder, WORKSPACE_FILE, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, span_of(yaml), 0644, &x->err), &x->err);
	workspace_free(x->workspace);
	x->workspace = NULL;
	assert_ok(workspace_open(x->folder, &x->workspace, &x->err), &x->err);
	struct fleet_scan o = { .host = "h1" };
	assert_ok(fleet_scan(x->db, x->workspace, &o, &r, &x->err), &x->err);
	assert_int_equal(r.totals.bytes_hashed, 0);
	assert_int_equal(r.changes.added, 4);
	assert_int_equal(r.changes.vanished, 4);
}

static void changed(void **state)
{
	struct site *x = *state;
	tar_put(x, 10, 8);
	fleet(x, "all.tar archive  open\nall.tar!/in.tar archive  open\n"
		 "all.tar!/in.tar!/deep.plan tensorrt-plan 8.3.0.1 open\n"
		 "all.tar!/m/a.plan tensorrt-plan 10.3.0.1 open\n");
	tar_put(x, 10, 9);
	struct fleet_result r = fleet(x, "all.tar archive  gone\nall.tar archive  open\n"
					 "all.tar!/in.tar archive  gone\nall.tar!/in.tar archive  open\n"
					 "all.tar!/in.tar!/deep.plan tensorrt-plan 8.3.0.1 gone\n"
					 "all.tar!/in.tar!/deep.plan tensorrt-plan 9.3.0.1 open\n"
					 "all.tar!/m/a.plan tensorrt-plan 10.3.0.1 open\n");
	assert_int_equal(r.changes.replaced, 3);
	assert_int_equal(unlink(x->tar), 0);
	struct fleet_scan o = { .host = "h1" };
	assert_ok(fleet_scan(x->db, x->workspace, &o, &r, &x->err), &x->err);
	assert_int_equal(r.changes.vanished, 4);
}

/* What could not be read is not gone. */
static void cut_short(void **state)
{
	struct site *x = *state;
	struct fleet_result r;
	struct fleet_scan o = { .host = "h1" };
	tar_put(x, 10, 8);
	assert_ok(fleet_scan(x->db, x->workspace, &o, &r, &x->err), &x->err);
	assert_int_equal(truncate(x->tar, 5000), 0);
	assert_ok(fleet_scan(x->db, x->workspace, &o, &r, &x->err), &x->err);
	assert_int_equal(r.changes.vanished, 0);
	assert_true(r.totals.unknowns >= 1);
}

/* What is not looked into is named, and unknown; it is no "other". */
static void not_looked_into(void **state)
{
	(void)state;
	static const struct {
		const char *name, *layout;
		struct span bytes;
	} files[] = {
		{ "a.deb", "deb", SPAN("!<arch>\ndebian-binary   1342943816  0     0     100644  4         `\n2.0\n") },
		{ "libx.a", NULL, SPAN("!<arch>\n/               0           0     0     0       4         `\n") },
		{ "a.rpm", "rpm", SPAN("\xed\xab\xee\xdb\3\0\0\0\0\1") },
		{ "a.7z", "7z", SPAN("7z\xbc\xaf\x27\x1c\0\4") },
		{ "a.rar", "rar", SPAN("Rar!\x1a\x07\x01\0") },
		{ "a.bin", "squashfs", SPAN("hsqs\2\0\0\0") },
		{ "engine.plan", "lz4", SPAN("\x04\x22\x4d\x18\x64") },
		{ "short.7z", NULL, SPAN("7z\xbc\xaf") },
	};
	for (size_t i = 0; i < RF_COUNT(files); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct artifact_facts f = facts_of(files[i].bytes.p, files[i].bytes.n, files[i].name, &a);
		bool unread = strcmp(f.kind, ARTIFACT_UNREAD_CONTAINER) == 0 && f.finding == ARTIFACT_UNKNOWN && has_rule(&f, "container_not_read") &&
			      has_note(&f, "not looked at") && !scan_may_hold(&f);
		if (files[i].layout ? !unread || strcmp(f.layout, files[i].layout) != 0 : strcmp(f.kind, ARTIFACT_OTHER) != 0)
			fail_msg("%s: %s %s", files[i].name, f.kind, f.layout);
	}
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	static const char cpio[] = "07070100000001000081a4000000000000000000000001"; /* the beginning of a header */
	assert_string_equal(facts_of(cpio, sizeof cpio - 1, "initrd", &a).kind, ARTIFACT_ARCHIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(names),
		cmocka_unit_test(damage),
		cmocka_unit_test(limits),
		cmocka_unit_test(stopped),
		cmocka_unit_test(not_looked_into),
		cmocka_unit_test_setup_teardown(not_read_again, open_site, close_site),
		cmocka_unit_test_setup_teardown(changed, open_site, close_site),
		cmocka_unit_test_setup_teardown(cut_short, open_site, close_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
