/* driver - the loop of docs/toolchain-driver.md. */
#include "driver.h"

#include "base/fs.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* One line of input, without newline. A line past the limit is read to its end and reported, so that the next one is
 * understood again. */
struct input {
	char *bytes;
	size_t start, end;
	bool ended;
};
#define INPUT_BYTES (DRIVER_MAX_MESSAGE + 1)

enum line { LINE_READ, LINE_TOO_LONG, LINE_END };

static bool input_more(struct input *in)
{
	if (in->start > 0 && in->end > in->start)
		memmove(in->bytes, in->bytes + in->start, in->end - in->start);
	in->end -= in->start;
	in->start = 0;
	if (in->end == INPUT_BYTES)
		return false;
	for (;;) {
		ssize_t n = read(STDIN_FILENO, in->bytes + in->end, INPUT_BYTES - in->end);
		if (n > 0) {
			in->end += (size_t)n;
			return true;
		}
		if (n < 0 && errno == EINTR)
			continue;
		in->ended = true;
		return false;
	}
}

static enum line input_skip_line(struct input *in)
{
	for (;;) {
		char *newline = memchr(in->bytes + in->start, '\n', in->end - in->start);
		if (newline) {
			in->start = (size_t)(newline - in->bytes) + 1;
			return LINE_TOO_LONG;
		}
		in->start = in->end = 0;
		if (!input_more(in))
			return LINE_TOO_LONG;
	}
}

static enum line input_line(struct input *in, struct span *ret)
{
	size_t looked = 0;
	for (;;) {
		char *newline = memchr(in->bytes + in->start + looked, '\n', in->end - in->start - looked);
		if (newline) {
			size_t at = (size_t)(newline - in->bytes);
			*ret = span_bytes(in->bytes + in->start, at - in->start);
			in->start = at + 1;
			return LINE_READ;
		}
		looked = in->end - in->start;
		if (looked == INPUT_BYTES)
			return input_skip_line(in);
		if (!input_more(in) && in->ended) {
			*ret = span_bytes(in->bytes + in->start, in->end - in->start);
			in->start = in->end;
			return ret->n > 0 ? LINE_READ : LINE_END;
		}
	}
}

void driver_log(struct driver *d, struct span line)
{
	if (line.n > DRIVER_MAX_LOG / 4)
		line = span_sub(line, 0, DRIVER_MAX_LOG / 4);
	if (d->log.n + line.n + 1 > DRIVER_MAX_LOG) {
		size_t keep = DRIVER_MAX_LOG / 2;
		RF_AUTO(str) tail = STR_INIT(DRIVER_MAX_LOG);
		if (d->log.n > keep)
			str_add(&tail, span_from(str_span(&d->log), d->log.n - keep));
		str_reset(&d->log);
		str_add_text(&d->log, "[earlier lines dropped]\n");
		str_add(&d->log, str_span(&tail));
	}
	str_add(&d->log, line);
	str_add_byte(&d->log, '\n');
}

int driver_text(struct json request, const char *key, struct span *ret, struct err *err)
{
	struct json v = json_get(request, key);
	if (json_kind(v) != JSON_STRING) {
		err_set(err, RF_EINVALID, "%s; a string is required", json_kind(v) == JSON_ABSENT ? "missing" : "not a string");
		return err_in_field(err, "%s", key);
	}
	*ret = json_string(v);
	return 0;
}

int driver_path(struct json request, const char *key, char *buffer, struct err *err)
{
	struct span text;
	int rc = driver_text(request, key, &text, err);
	if (rc != 0)
		return rc;
	if (text.n == 0 || text.n >= FS_PATH_MAX || text.p[0] != '/' || span_find_byte(text, '\0') != SIZE_MAX) {
		err_set(err, RF_EINVALID, "an absolute path of less than %d bytes is required", FS_PATH_MAX);
		return err_in_field(err, "%s", key);
	}
	memcpy(buffer, text.p, text.n);
	buffer[text.n] = '\0';
	return 0;
}

int driver_number(struct json request, const char *key, uint64_t otherwise, uint64_t most, uint64_t *ret, struct err *err)
{
	struct json v = json_get(request, key);
	uint64_t n = otherwise;
	if (json_kind(v) != JSON_ABSENT && (!json_u64(v, &n) || n > most)) {
		err_set(err, RF_EINVALID, "a whole number from 0 to %llu is required", (unsigned long long)most);
		return err_in_field(err, "%s", key);
	}
	*ret = n;
	return 0;
}

/* The members every reply begins with. The request's id comes back as it was, if it is a number. */
static struct json_out reply_begin(struct str *line, struct json request, bool ok)
{
	struct json_out o = json_out(line, false);
	json_object(&o);
	int64_t id;
	if (json_i64(json_get(request, "id"), &id))
		json_member_i64(&o, "id", id);
	json_member_bool(&o, "ok", ok);
	return o;
}

static void reply_error(struct str *line, struct json request, const struct err *e, struct span log)
{
	str_reset(line);
	struct json_out o = reply_begin(line, request, false);
	json_key(&o, "error");
	json_object(&o);
	json_member(&o, "code", rf_error_name(e->code));
	json_member(&o, "text", e->text);
	if (e->file[0])
		json_member(&o, "file", e->file);
	if (e->field[0])
		json_member(&o, "field", e->field);
	if (e->offset >= 0)
		json_member_i64(&o, "offset", e->offset);
	json_object_end(&o);
	if (log.n > 0)
		json_member_span(&o, "log", log);
	json_object_end(&o);
}

static int reply_send(struct driver *d, struct str *line)
{
	if (line->failed) {
		int why = line->failed;
		struct err e = ERR_INIT;
		err_set(&e, why, "the reply is over the limit of one message (%zu bytes)", DRIVER_MAX_MESSAGE);
		reply_error(line, (struct json){ 0 }, &e, SPAN_NONE);
	}
	str_add_byte(line, '\n');
	struct err e = ERR_INIT;
	return fs_write_all(d->out_fd, line->p, line->n, &e);
}

static const struct driver_row *driver_find(const struct driver *d, struct span op)
{
	for (size_t i = 0; i < d->row_count; i++)
		if (span_eq_text(op, d->rows[i].op))
			return &d->rows[i];
	return NULL;
}

static int driver_hello(struct driver *d, struct json request, struct str *line, struct err *err)
{
	int64_t protocol;
	if (!json_i64(json_get(request, "protocol"), &protocol))
		return err_set(err, RF_EINVALID, "the first message must be {\"protocol\":%d}", DRIVER_PROTOCOL);
	if (protocol != DRIVER_PROTOCOL)
		return err_set(err, RF_EUNSUPPORTED, "protocol %lld; this driver speaks %d", (long long)protocol,
			       DRIVER_PROTOCOL);
	int rc = d->hello ? d->hello(d->state, request, err) : 0;
	if (rc != 0)
		return rc;
	struct json_out o = reply_begin(line, request, true);
	json_member_i64(&o, "protocol", DRIVER_PROTOCOL);
	json_member(&o, "driver", d->name);
	json_member(&o, "driver_version", REFORGE_VERSION);
	json_member_bool(&o, "sessions", d->sessions);
	json_object_end(&o);
	return 0;
}

static int driver_answer(struct driver *d, struct json request, struct str *line, struct err *err)
{
	if (json_kind(request) != JSON_OBJECT)
		return err_set(err, RF_EINVALID, "a request is a JSON object");
	struct span op;
	int rc = driver_text(request, "op", &op, err);
	if (rc != 0)
		return rc;
	const struct driver_row *row = driver_find(d, op);
	if (!row) {
		err_set(err, RF_EUNSUPPORTED, "unknown operation \"%.*s\"", SPAN_ARG(span_sub(op, 0, 64)));
		return err_in_field(err, "op");
	}
	struct json_out o = reply_begin(line, request, true);
	rc = row->run(d->state, request, &o, err);
	if (rc != 0)
		return rc;
	if (d->log.n > 0)
		json_member_span(&o, "log", str_span(&d->log));
	json_object_end(&o);
	return 0;
}

/* True while the process should go on. */
static bool driver_step(struct driver *d, struct json_doc *doc, struct span text, enum line how, bool *greeted, struct str *line,
			int *ret_status)
{
	struct err e = ERR_INIT;
	struct json request = { 0 };
	str_reset(line);
	str_reset(&d->log);
	int rc;
	if (how == LINE_TOO_LONG)
		rc = err_set(&e, RF_ETOOBIG, "a message has at most %zu bytes", DRIVER_MAX_MESSAGE);
	else
		rc = json_parse(doc, text, &request, &e);
	if (rc != 0)
		request = (struct json){ 0 };
	else
		rc = *greeted ? driver_answer(d, request, line, &e) : driver_hello(d, request, line, &e);
	if (rc != 0)
		reply_error(line, request, &e, str_span(&d->log));
	if (reply_send(d, line) != 0) {
		*ret_status = 1;
		return false;
	}
	if (!*greeted && rc != 0) {
		*ret_status = 2;
		return false;
	}
	*greeted = true;
	return true;
}

int driver_serve(struct driver *d)
{
	signal(SIGPIPE, SIG_IGN);
	d->out_fd = dup(STDOUT_FILENO);
	if (d->out_fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 1;
	d->log = STR_INIT(DRIVER_MAX_LOG + 64 * KIB);
	struct input in = { .bytes = rf_alloc(INPUT_BYTES) };
	struct json_doc *doc = json_doc_new();
	RF_AUTO(str) line = STR_INIT(DRIVER_MAX_MESSAGE);
	int status = in.bytes && doc ? 0 : 1;
	bool greeted = false;
	while (status == 0) {
		struct span text = SPAN_NONE;
		enum line how = input_line(&in, &text);
		if (how == LINE_END || !driver_step(d, doc, text, how, &greeted, &line, &status))
			break;
	}
	json_doc_free(doc);
	rf_free(in.bytes);
	str_release(&d->log);
	close(d->out_fd);
	return status;
}
