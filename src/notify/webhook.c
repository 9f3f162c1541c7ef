/* webhook - see the header. */
#include "notify/webhook.h"

#include "base/fs.h"
#include "crypto/digest.h"
#include "format/json.h"
#include "work/work.h"

#include <unistd.h>

#define LEASE_USEC (2 * USEC_PER_MIN)
#define REQUEST_USEC (30 * USEC_PER_SEC)
#define FIRST_WAIT_USEC (1 * USEC_PER_MIN)
#define MAX_KEY (4 * KIB)

int webhook_sign(const char *key_file, int64_t timestamp, struct span body, char ret[80], struct err *err)
{
	RF_AUTO(str) key = STR_INIT(MAX_KEY), text = STR_INIT(WEBHOOK_MAX_BODY + 64);
	struct stat st;
	struct digest mac;
	char hex[DIGEST_HEX];
	int fd = -1;
	int rc = fs_open_regular(key_file, false, &fd, &st, err);
	if (rc)
		return rc;
	(void)close(fd);
	if (st.st_mode & 077) {
		(void)err_set(err, RF_EPERM, "others may read this key; chmod 600");
		return err_in_file(err, key_file);
	}
	rc = fs_read(key_file, &key, err);
	struct span bytes = span_trim(str_span(&key));
	if (rc == 0 && bytes.n < WEBHOOK_KEY_LEAST) {
		(void)err_set(err, RF_EINVALID, "a key of a webhook has at least %d bytes", WEBHOOK_KEY_LEAST);
		return err_in_file(err, key_file);
	}
	str_addf(&text, "%lld.", (long long)timestamp);
	str_add(&text, body);
	if (rc == 0)
		rc = str_check(&text, "message", err);
	if (rc == 0) {
		hmac_sha256(bytes, str_span(&text), &mac);
		(void)snprintf(ret, 80, "sha256=%s", digest_hex(&mac, hex));
	}
	if (key.p)
		explicit_bzero(key.p, key.n);
	return rc;
}

static bool is_loopback(const char *url)
{
	static const char *const hosts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	for (size_t i = 0; i < RF_COUNT(hosts); i++) {
		size_t n = strlen(hosts[i]);
		if (strncmp(url, hosts[i], n) == 0 && (url[n] == ':' || url[n] == '/' || url[n] == '\0'))
			return true;
	}
	return false;
}

static int address_check(const char *url, struct err *err)
{
	char where[512];
	if (!http_url_is_valid(url))
		return err_set(err, RF_EINVALID, "\"%s\" is no address of https", http_url_visible(url, where, sizeof where));
	if (strncmp(url, "https://", 8) != 0 && !is_loopback(url))
		return err_set(err, RF_EINVALID, "%s: findings are sent over https only", http_url_visible(url, where, sizeof where));
	return 0;
}

int webhook_enqueue(struct transaction *tx, const char *url, const char *key_file, struct span body, bool *ret_new)
{
	RF_AUTO(str) payload = STR_INIT(WORK_MAX_PAYLOAD), seed = STR_INIT(WEBHOOK_MAX_BODY + HTTP_MAX_URL + 16);
	struct digest d;
	char hex[DIGEST_HEX], key[DIGEST_HEX + 16];
	int rc = address_check(url, tx_err(tx));
	if (rc)
		return rc;
	str_addf(&seed, "%s\n", url);
	str_add(&seed, body);
	rc = body.n > WEBHOOK_MAX_BODY ? err_set(tx_err(tx), RF_ETOOBIG, "a message of more than 100 KiB") :
					 str_check(&seed, "message", tx_err(tx));
	if (rc)
		return rc;
	digest_of(str_span(&seed), &d);
	(void)snprintf(key, sizeof key, "webhook:%s", digest_hex(&d, hex));
	struct json_out o = json_out(&payload, false);
	json_object(&o);
	json_member(&o, "url", url);
	json_member(&o, "key_file", key_file);
	json_member_span(&o, "body", body);
	json_object_end(&o);
	rc = str_check(&payload, "message", tx_err(tx));
	struct work_request request = { .kind = WEBHOOK_KIND, .key = key, .payload = str_span(&payload),
					.not_before = USEC_NONE, .max_attempts = WEBHOOK_ATTEMPTS };
	return rc ? rc : work_enqueue(tx, &request, NULL, ret_new);
}

/* ── Delivery ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct delivery {
	struct database *db;
	struct http_client *client;
	const struct work_item *item;
	int rc;              /* of the request */
	bool again;          /* worth another attempt */
	struct err why;
	struct webhook_counts counts;
};

static int send_one(struct delivery *d, struct json message)
{
	char url[HTTP_MAX_URL], key_file[FS_PATH_MAX], signature[80], moment[32];
	struct span body = json_string(json_get(message, "body"));
	struct http_response response = { 0 };
	RF_AUTO(str) answer = STR_INIT(64 * KIB);
	int64_t now = now_usec() / USEC_PER_SEC;
	(void)snprintf(url, sizeof url, "%.*s", SPAN_ARG(json_string(json_get(message, "url"))));
	(void)snprintf(key_file, sizeof key_file, "%.*s", SPAN_ARG(json_string(json_get(message, "key_file"))));
	(void)snprintf(moment, sizeof moment, "%lld", (long long)now);
	int rc = address_check(url, &d->why);
	if (rc == 0)
		rc = webhook_sign(key_file, now, body, signature, &d->why);
	if (rc)
		return rc;
	const struct http_header headers[] = {
		{ "Content-Type", "application/json", false },   { "X-Reforge-Timestamp", moment, false },
		{ "X-Reforge-Signature", signature, true },      { "X-Reforge-Delivery", d->item->key, false },
	};
	struct http_request request = { .url = url, .headers = headers, .header_count = RF_COUNT(headers), .content = body,
					.deadline_usec = REQUEST_USEC, .max_bytes = 64 * KIB, .body = &answer };
	rc = http_post(d->client, &request, &response, &d->why);
	int s = response.status;
	d->again = rc != 0 && (s == 0 || s == 408 || s == 425 || s == 429 || s >= 500);
	return rc;
}

static int outcome(struct transaction *tx, void *data)
{
	struct delivery *d = data;
	char text[2048];
	int64_t wait = FIRST_WAIT_USEC;
	bool failed = false;
	if (d->rc == 0)
		return work_done(tx, d->item);
	err_render(&d->why, text, sizeof text);
	if (!d->again)
		return work_give_up(tx, d->item, text);
	for (int i = 1; i < d->item->attempt; i++)
		wait *= 2;
	return work_retry(tx, d->item, tx_now(tx) + wait, text, &failed);
}

static int deliver_one(struct delivery *d, struct err *err)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json message;
	d->why = ERR_INIT;
	d->again = false;
	d->rc = doc ? json_parse(doc, d->item->payload, &message, &d->why) : RF_ENOMEM;
	if (d->rc == 0)
		d->rc = send_one(d, message);
	int rc = database_transact(d->db, DB_WRITE, outcome, d, err);
	if (rc == RF_EFENCED)
		return 0; /* another worker has it */
	if (rc)
		return rc;
	bool last = d->item->attempt >= d->item->max_attempts;
	d->counts.sent += d->rc == 0;
	d->counts.waiting += d->rc != 0 && d->again && !last;
	d->counts.failed += d->rc != 0 && (!d->again || last);
	if (d->rc && err)
		*err = d->why;
	return 0;
}

int webhook_deliver(struct database *db, const struct http_settings *settings, struct webhook_counts *ret, struct err *err)
{
	static const char *const kinds[] = { WEBHOOK_KIND };
	RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
	struct delivery d = { .db = db };
	struct work_item item;
	int rc = http_client_new(settings, &d.client, err);
	while (rc == 0 && (rc = work_claim(db, work_owner(), kinds, 1, LEASE_USEC, &a, &item, err)) == 1) {
		d.item = &item;
		rc = deliver_one(&d, err);
		arena_reset(&a);
	}
	http_client_free(d.client);
	if (rc == 0)
		*ret = d.counts;
	return rc;
}
