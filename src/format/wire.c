/* wire - see the header. */
#include "format/wire.h"

/* ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct wire_out wire_out(size_t limit_bytes)
{
	return (struct wire_out){ .numbers = MAP_INIT,
				  .texts = STR_INIT(limit_bytes),
				  .rows = STR_INIT(limit_bytes),
				  .row = STR_INIT(limit_bytes) };
}

void wire_out_release(struct wire_out *w)
{
	map_release(&w->numbers);
	str_release(&w->texts);
	str_release(&w->rows);
	str_release(&w->row);
}

void wire_put_number(struct wire_out *w, uint64_t value)
{
	protobuf_put_raw_varint(&w->row, value);
}

void wire_put_moment(struct wire_out *w, usec_t t)
{
	wire_put_number(w, ((uint64_t)t << 1) ^ (t < 0 ? UINT64_MAX : 0));
}

void wire_put_real(struct wire_out *w, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	wire_put_number(w, bits);
}

void wire_put_bytes(struct wire_out *w, struct span bytes)
{
	str_add(&w->row, bytes);
}

void wire_put_text(struct wire_out *w, struct span s)
{
	uintptr_t n = s.n ? (uintptr_t)map_get(&w->numbers, s) : 0;
	if (s.n && !n) {
		n = ++w->text_count;
		protobuf_put_bytes(&w->texts, WIRE_TEXT, s);
		if (map_set(&w->numbers, s, (void *)n))
			w->failed = RF_ENOMEM;
	}
	wire_put_number(w, n);
}

void wire_put_end(struct wire_out *w, uint32_t field)
{
	protobuf_put_bytes(&w->rows, field, str_span(&w->row));
	if (w->row.failed)
		w->failed = w->row.failed;
	str_reset(&w->row);
}

int wire_write(const struct wire_out *w, uint64_t format, struct str *to, const char *what, struct err *err)
{
	if (w->failed)
		return err_set(err, w->failed, "%s", what);
	int rc = str_check(&w->texts, what, err);
	if (!rc)
		rc = str_check(&w->rows, what, err);
	if (rc)
		return rc;
	protobuf_put_varint(to, WIRE_FORMAT, format);
	str_add(to, str_span(&w->texts));
	str_add(to, str_span(&w->rows));
	return str_check(to, what, err);
}

/* ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int check_field(const struct protobuf_field *f, const struct wire_field *fields, size_t n, uint64_t format,
		       uint32_t last, size_t *counts, struct err *err)
{
	if (f->number >= n || !fields[f->number].name || f->type != fields[f->number].type)
		return err_set(err, RF_EFORMAT, "field %u is none that may be here, or of another type", f->number);
	if (f->number == WIRE_FORMAT && f->value != format)
		return err_set(err, RF_EUNSUPPORTED, "format %llu, this program reads %llu", (unsigned long long)f->value,
			       (unsigned long long)format);
	if (f->number < last || (!last && f->number != WIRE_FORMAT))
		return err_set(err, RF_EFORMAT, "%s is out of order", fields[f->number].name);
	if (++counts[f->number] > fields[f->number].most)
		return err_set(err, RF_ETOOMANY, "more than %zu of %s", fields[f->number].most, fields[f->number].name);
	return 0;
}

int wire_count(struct span message, const struct wire_field *fields, size_t n, uint64_t format, size_t *ret_counts,
	       struct err *err)
{
	struct protobuf_reader r = protobuf_reader(message, 0);
	struct protobuf_field f;
	uint32_t last = 0;
	int rc;
	memset(ret_counts, 0, n * sizeof *ret_counts);
	while ((rc = protobuf_next(&r, &f, err)) == 1) {
		rc = check_field(&f, fields, n, format, last, ret_counts, err);
		if (rc) {
			(void)(err && err_at_offset(err, f.start));
			return rc;
		}
		last = f.number;
	}
	return rc;
}

void wire_refuse(struct wire_in *in, const char *what, const char *rule)
{
	if (in->failed)
		return;
	in->failed = err_set(in->err, RF_EFORMAT, "%s %s", what, rule);
	(void)err_at_offset(in->err, in->row.base + in->row.at);
}

uint64_t wire_number(struct wire_in *in, uint64_t highest, const char *what)
{
	uint64_t value = 0;
	if (in->failed)
		return 0;
	int rc = protobuf_next_varint(&in->row, &value, in->err);
	if (rc < 0)
		in->failed = rc;
	else if (!rc)
		wire_refuse(in, what, "is missing: the row ends before it");
	else if (value > highest)
		wire_refuse(in, what, "is larger than anything it can be");
	return in->failed ? 0 : value;
}

bool wire_flag(struct wire_in *in, const char *what)
{
	return wire_number(in, 1, what) == 1;
}

usec_t wire_moment(struct wire_in *in, const char *what)
{
	return protobuf_sint(wire_number(in, UINT64_MAX, what));
}

double wire_real(struct wire_in *in, const char *what)
{
	uint64_t bits = wire_number(in, UINT64_MAX, what);
	double value;
	memcpy(&value, &bits, sizeof value);
	if (!(value > -1e300 && value < 1e300)) {
		wire_refuse(in, what, "is no finite number");
		return 0;
	}
	return value;
}

struct span wire_text(struct wire_in *in, const char *what)
{
	uint64_t n = wire_number(in, in->text_count, what);
	return n ? in->texts[n - 1] : SPAN_NONE;
}

struct span wire_bytes(struct wire_in *in, size_t n, const char *what)
{
	if (!in->failed && n > in->row.message.n - in->row.at)
		wire_refuse(in, what, "is missing: the row ends before it");
	if (in->failed)
		return SPAN_NONE;
	struct span bytes = span_sub(in->row.message, in->row.at, n);
	in->row.at += n;
	return bytes;
}

bool wire_more(const struct wire_in *in)
{
	return !in->failed && in->row.at < in->row.message.n;
}

void wire_end(struct wire_in *in)
{
	if (wire_more(in))
		wire_refuse(in, "the row", "goes on behind its last number");
}
