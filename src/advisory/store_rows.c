/* Rows of one table, gathered and written in few statements. */
#include "advisory/store_int.h"

struct db_value store_text(struct span s)
{
	return DB_S(s.n ? s : SPAN(""));
}

int store_rows_flush(struct store_rows *w)
{
	int rc = w->count ? tx_insert_many(w->tx, w->head, w->tail ? w->tail : "", w->values, w->columns, w->count) : 0;
	w->count = 0;
	return rc;
}

struct db_value *store_rows_next(struct store_rows *w, int *ret_rc)
{
	*ret_rc = w->count == STORE_ROWS ? store_rows_flush(w) : 0;
	return *ret_rc ? NULL : w->values + w->columns * w->count++;
}
