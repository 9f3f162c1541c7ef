/*
 * webhook - a signed POST through the work queue: it is sent until it was taken, or its attempts are used up.
 *
 * May use work/, network/, crypto/. The key lies in a file that nobody else may read; neither it nor the body's signature
 * is kept in the queue. Held: https only, but for this machine; redirects are not followed; certificates are verified.
 *
 *   X-Reforge-Timestamp: 1784108400
 *   X-Reforge-Signature: sha256=HEX          HMAC-SHA256 over TIMESTAMP "." BODY, with the file's bytes as the key
 *   X-Reforge-Delivery:  the same for every attempt, so that what was taken twice can be told
 *
 * A receiver checks the signature in constant time and refuses timestamps more than five minutes off.
 */
#ifndef REFORGE_NOTIFY_WEBHOOK_H
#define REFORGE_NOTIFY_WEBHOOK_H

#include "database/database.h"
#include "network/http_client.h"

#define WEBHOOK_KIND "webhook"
#define WEBHOOK_MAX_BODY (100 * KIB) /* escaped once more, it fits into an item of the queue */
#define WEBHOOK_ATTEMPTS 8           /* over some two hours */
#define WEBHOOK_KEY_LEAST 16         /* bytes */

/* Puts one message into the queue, in the transaction of what it tells of. The same body to the same address again changes
 * nothing while the first is there. RF_EINVALID: the address; RF_ETOOBIG. *ret_new may be NULL. */
RF_MUST_CHECK int webhook_enqueue(struct transaction *tx, const char *url, const char *key_file, struct span body,
				  bool *ret_new);
struct webhook_counts {
	size_t sent, failed, waiting; /* taken; given up; to be tried again later */
};
/* Sends all that is due. A message that was not taken is no failure of this call: counts, and @err's text of the last one,
 * tell. */
RF_MUST_CHECK int webhook_deliver(struct database *db, const struct http_settings *settings, struct webhook_counts *ret,
				  struct err *err);

/* The signature's header value into @ret. RF_EPERM: others may read the key; RF_EINVALID: it is too short. */
RF_MUST_CHECK int webhook_sign(const char *key_file, int64_t timestamp, struct span body, char ret[80], struct err *err);

#endif
