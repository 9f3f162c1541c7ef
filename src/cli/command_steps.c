/* build, prove, publish - single steps of a response, for those who want to look in between. */
#include "cli/command.h"
#include "cli/respond.h"

static int run_build(const struct invocation *in, struct err *err)
{
	return respond_run(in, RESPONSE_BUILD, err);
}

static int run_prove(const struct invocation *in, struct err *err)
{
	return respond_run(in, RESPONSE_PROVE, err);
}

static int run_publish(const struct invocation *in, struct err *err)
{
	return respond_run(in, RESPONSE_PUBLISH, err);
}

const struct command command_build = {
	"build", "single step: plan and rebuild the engines of a response, then stop",
	(const struct verb[]){ { "", "CVE...|INCIDENT", "single step: plan and rebuild the engines of a response, then stop", 1, 64, respond_step_options, run_build, NULL }, { 0 } },
};
const struct command command_prove = {
	"prove", "single step: prove what is rebuilt, then stop",
	(const struct verb[]){ { "", "CVE...|INCIDENT", "single step: prove what is rebuilt, then stop", 1, 64, respond_step_options, run_prove, NULL }, { 0 } },
};
const struct command command_publish = {
	"publish", "single step: publish the releases whose engines are all proven",
	(const struct verb[]){ { "", "CVE...|INCIDENT", "single step: publish the releases whose engines are all proven", 1, 64, respond_step_options, run_publish, NULL }, { 0 } },
};
