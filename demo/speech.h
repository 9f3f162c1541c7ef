/*
 * speech - sentences spoken by espeak-ng, as the models want them: 16 kHz, mono, 16-bit values as floats.
 *
 * May use base, process. The same sentence gives the same samples: espeak-ng is deterministic, the silence around it is
 * a faint reproducible noise (a microphone is never at zero, and log-mel of zero would be a constant).
 */
#ifndef REFORGE_DEMO_SPEECH_H
#define REFORGE_DEMO_SPEECH_H

#include "base/err.h"

#define SPEECH_RATE 16000
/* 5 s: the timer model looks back 34 embeddings, 3.5 s. */
#define SPEECH_SAMPLES (5 * SPEECH_RATE)

struct speech_line { const char *name, *voice, *text; };
extern const struct speech_line SPEECH_LINES[];      /* ends with name NULL; each wake word is among them */

/* Fills @ret with SPEECH_SAMPLES values in -32768..32767; the sentence ends half a second before their end. @folder is for the
 * WAV file and keeps it. RF_ENOTFOUND without espeak-ng. */
RF_MUST_CHECK int speech_make(const struct speech_line *line, const char *folder, float *ret, struct err *err);

#endif
