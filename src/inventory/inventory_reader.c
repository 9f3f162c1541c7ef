/* Which readers these are. See inventory_int.h. */
#include "inventory/inventory_int.h"

#include "reader.inc"

int64_t inventory_reader(void)
{
	_Static_assert(READER > INVENTORY_CLAIM, "what was read here counts more than what is claimed");
	return READER;
}
