/* Channels: rows that move, and links that follow them. */
#include "depot_int.h"

#include "format/json.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Services × environments × channels of one site; more is a defect somewhere. */
#define MAX_CHANNELS 100000

int channel_get(struct transaction *tx, const char *service, const char *environment, const char *name,
		struct channel *ret)
{
	RF_AUTO_ROWS rows = NULL;
	struct channel c = { .at = USEC_NONE };
	int rc = TX_QUERY(tx, &rows,
			  "SELECT release, generation, at FROM depot_channel WHERE service = $1 AND environment = $2 "
			  "AND channel = $3",
			  DB_T(service), DB_T(environment), DB_T(name));

	if (rc == 0)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		(void)snprintf(c.release, sizeof c.release, "%.*s", SPAN_ARG(rows_text(rows, 0)));
		c.generation = rows_i64(rows, 1);
		c.at = rows_time(rows, 2);
	}
	*ret = c;
	return 0;
}

static int require_release(struct transaction *tx, const char *service, const char *environment, const char *release)
{
	int64_t n = 0;
	int rc = TX_I64(tx, &n,
			"SELECT count(*) FROM depot_release WHERE service = $1 AND environment = $2 AND name = $3",
			DB_T(service), DB_T(environment), DB_T(release));

	if (rc == 0 && n == 0)
		rc = err_set(tx_err(tx), RF_ENOTFOUND, "no release '%s' of %s for %s", release, service, environment);
	return rc;
}

static int write_ledger(struct transaction *tx, const char *service, const char *environment, const char *name,
			const struct channel *from, const struct channel *to, const char *actor)
{
	RF_AUTO(str) body = STR_INIT(4 * KIB);
	RF_AUTO(str) subject = STR_INIT(1024);
	struct json_out o = json_out(&body, false);

	json_object(&o);
	json_member(&o, "from", from->release[0] ? from->release : NULL);
	json_member(&o, "to", to->release);
	json_member_i64(&o, "generation", to->generation);
	json_object_end(&o);
	str_addf(&subject, "channel/%s/%s/%s", service, environment, name);
	return ledger_append(tx, &(struct ledger_entry){ .kind = "channel.moved",
							 .subject = str_text(&subject),
							 .actor = actor,
							 .body = str_span(&body) });
}

int channel_set(struct transaction *tx, const char *service, const char *environment, const char *name,
		const char *release, int64_t expected, const char *actor, struct channel *ret)
{
	struct channel from, to;
	int rc;

	if (!release_name_ok(span_of(name)))
		return err_set(tx_err(tx), RF_EINVALID, "'%.100s' is no name of a channel", name);
	rc = require_release(tx, service, environment, release);
	if (rc == 0)
		rc = channel_get(tx, service, environment, name, &from);
	if (rc != 0)
		return rc;
	if (expected != CHANNEL_ANY_GENERATION && expected != from.generation)
		return err_set(tx_err(tx), RF_ESTATE, "channel %s of %s/%s is at generation %lld by now, not %lld",
			       name, service, environment, (long long)from.generation, (long long)expected);
	to = from;
	if (strcmp(from.release, release) != 0) {
		(void)snprintf(to.release, sizeof to.release, "%s", release);
		to.generation++;
		to.at = tx_now(tx);
		rc = TX_RUN(
			tx,
			"INSERT INTO depot_channel (service, environment, channel, release, generation, at, actor)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (service, environment, channel) DO UPDATE SET"
			" release = excluded.release, generation = excluded.generation, at = excluded.at, actor = "
			"excluded.actor",
			DB_T(service), DB_T(environment), DB_T(name), DB_T(release), DB_I(to.generation),
			DB_TIME(to.at), DB_T(actor));
		if (rc == 0)
			rc = write_ledger(tx, service, environment, name, &from, &to, actor);
	}
	if (rc == 0 && ret)
		*ret = to;
	return rc;
}

/* ---- projection ---- */

struct row {
	const char *service, *environment, *channel, *release;
};

struct projection {
	struct depot *depot;
	struct arena arena;
	struct row *rows;
	size_t n;
	size_t changed;
};

static int read_rows(struct transaction *tx, void *data)
{
	struct projection *p = data;
	RF_AUTO_ROWS rows = NULL;
	int64_t n = 0;
	int rc = TX_I64(tx, &n, "SELECT count(*) FROM depot_channel WHERE generation > $1", DB_I(0));

	p->n = 0;
	arena_reset(&p->arena);
	if (rc == 0 && n > MAX_CHANNELS)
		rc = err_set(tx_err(tx), RF_ETOOMANY, "%lld channels, at most %d", (long long)n, MAX_CHANNELS);
	if (rc == 0)
		rc = TX_QUERY(tx, &rows,
			      "SELECT service, environment, channel, release FROM depot_channel WHERE generation > $1"
			      " ORDER BY service, environment, channel",
			      DB_I(0));
	if (rc != 0)
		return rc;
	p->rows = arena_array(&p->arena, (size_t)n + 1, sizeof(*p->rows));
	while (p->rows && p->n < (size_t)n && (rc = rows_next(rows)) == 1) {
		struct row *row = &p->rows[p->n++];

		row->service = arena_text(&p->arena, rows_text(rows, 0));
		row->environment = arena_text(&p->arena, rows_text(rows, 1));
		row->channel = arena_text(&p->arena, rows_text(rows, 2));
		row->release = arena_text(&p->arena, rows_text(rows, 3));
		if (!row->release || !row->channel || !row->environment || !row->service)
			p->rows = NULL;
	}
	if (!p->rows)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for the channels");
	return rc < 0 ? rc : 0;
}

/* One link, switched by a rename; nothing when it says so already. */
static int set_link(struct projection *p, const struct row *row, struct err *err)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX], temporary[FS_PATH_MAX], unique[DEPOT_UNIQUE_BYTES];
	char want[3 * RELEASE_NAME_MAX], have[3 * RELEASE_NAME_MAX];
	ssize_t n;
	int rc = depot_pathf(p->depot, folder, err, "channels/%s/%s", row->service, row->environment);

	if (rc == 0)
		rc = depot_pathf(p->depot, path, err, "channels/%s/%s/%s", row->service, row->environment,
				 row->channel);
	if (rc == 0)
		rc = depot_unique(unique, err);
	if (rc == 0)
		rc = depot_pathf(p->depot, temporary, err, "channels/%s/%s/.%s", row->service, row->environment,
				 unique);
	if (rc != 0)
		return rc;
	(void)snprintf(want, sizeof want, "../../../releases/%s/%s", row->service, row->release);
	n = readlink(path, have, sizeof have);
	if (n == (ssize_t)strlen(want) && memcmp(have, want, (size_t)n) == 0)
		return 0;
	rc = fs_make_dirs(folder, 0755, err);
	if (rc != 0)
		return rc;
	if (symlink(want, temporary) != 0 || rename(temporary, path) != 0) {
		rc = err_set_errno(err, errno, "cannot point a channel at %s", row->release);
		(void)unlink(temporary);
		(void)err_in_file(err, path);
		return rc;
	}
	p->changed++;
	return depot_fsync(folder, err);
}

static bool has_row(const struct projection *p, const char *service, const char *environment, const char *channel)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->rows[i].service, service) == 0 && strcmp(p->rows[i].environment, environment) == 0 &&
		    strcmp(p->rows[i].channel, channel) == 0)
			return true;
	return false;
}

/* Links that no row has: leftovers of a killed switch, or a database restored to an earlier day. */
static int remove_others(struct projection *p, struct arena *a, const char *service, const char *environment,
			 struct err *err)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	const char **names = NULL;
	size_t n = 0;
	int rc = depot_pathf(p->depot, folder, err, "channels/%s/%s", service, environment);

	if (rc == 0)
		rc = depot_names(folder, a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct stat st;

		if (has_row(p, service, environment, names[i]))
			continue;
		rc = depot_pathf(p->depot, path, err, "channels/%s/%s/%s", service, environment, names[i]);
		/* only links: anything else is not ours to remove, depot_verify() shows it */
		if (rc != 0 || lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
			continue;
		if (unlink(path) != 0 && errno != ENOENT) {
			rc = err_set_errno(err, errno, "cannot remove a link no channel has");
			(void)err_in_file(err, path);
		} else {
			p->changed++;
		}
	}
	return rc;
}

static int sweep(struct projection *p, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	char folder[FS_PATH_MAX];
	const char **services = NULL, **environments = NULL;
	size_t n = 0, m = 0;
	int rc = depot_pathf(p->depot, folder, err, "channels");

	if (rc == 0)
		rc = depot_names(folder, &a, &services, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = depot_pathf(p->depot, folder, err, "channels/%s", services[i]);
		if (rc != 0 || !fs_is_dir(folder))
			continue;
		rc = depot_names(folder, &a, &environments, &m, err);
		for (size_t k = 0; rc == 0 && k < m; k++) {
			rc = depot_pathf(p->depot, folder, err, "channels/%s/%s", services[i], environments[k]);
			if (rc == 0 && fs_is_dir(folder))
				rc = remove_others(p, &a, services[i], environments[k], err);
		}
	}
	return rc;
}

static void projection_release(struct projection *p)
{
	arena_release(&p->arena);
}

int channel_project(struct depot *d, struct database *db, size_t *ret_changed, struct err *err)
{
	RF_AUTO(projection) p = { .depot = d, .arena = ARENA_INIT(64 * MIB) };
	char path[FS_PATH_MAX];
	AUTO_FD lock = -1;
	int rc = depot_pathf(d, path, err, "channels/.lock");

	/* locked before the rows are read: who writes last has read last */
	if (rc == 0)
		rc = depot_lock(path, true, &lock, err);
	if (rc == 0)
		rc = database_transact(db, DB_READ, read_rows, &p, err);
	for (size_t i = 0; rc == 0 && i < p.n; i++)
		rc = set_link(&p, &p.rows[i], err);
	if (rc == 0)
		rc = sweep(&p, err);
	if (rc == 0 && ret_changed)
		*ret_changed = p.changed;
	return rc;
}
