/* Inside of workspace/: what a workspace holds besides what others see. */
#ifndef REFORGE_WORKSPACE_INT_H
#define REFORGE_WORKSPACE_INT_H

#include "base/arena.h"
#include "base/hash.h"
#include "workspace/workspace.h"

#include <pthread.h>

struct workspace_private {
	struct arena arena;   /* everything read from reforge.yaml, the struct workspace too */
	struct map services;  /* name -> struct workspace_service */
	struct map roots;     /* path -> struct workspace_service */
	struct map overrides; /* path -> struct workspace_override */
	pthread_mutex_t lock; /* the two below */
	struct arena recipe_arena;
	struct map recipes; /* name -> struct recipe */
};

struct workspace_override {
	const struct workspace_service *service;
	const struct workspace_engine *engine;
};

#endif
