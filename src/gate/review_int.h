/* review_int - what the files that read and answer reviews share; nobody else includes it. */
#ifndef REFORGE_GATE_REVIEW_INT_H
#define REFORGE_GATE_REVIEW_INT_H

#include "gate/judge_memo.h"
#include "gate/review.h"

#define REVIEW_FULL "the object takes more memory than a review may have"

struct review_reader {
	struct json_doc *doc;
	size_t doc_bytes;          /* of the largest text that @doc has parsed */
	struct kube_set new_, old; /* the object, and what it was */
	char service_label[401];   /* the sets' label */
	struct gate_memo *memo;
	struct str words;          /* a message or warning while it is made */
	struct arena arena;        /* subjects, answers, texts of one review */
	struct review_subject subjects[REVIEW_MAX_SUBJECTS];
};

/* Adds what @w runs and loads to @list; RF_ETOOMANY past REVIEW_MAX_SUBJECTS, RF_ENOMEM. */
RF_MUST_CHECK int review_subjects(struct arena *a, const struct kube_workload *w, struct review_subject *list,
				  size_t *n, struct err *err);

#endif
