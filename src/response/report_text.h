/* report_text - the words of a report in both languages: one table. Not for other rooms. */
#ifndef REFORGE_RESPONSE_REPORT_TEXT_H
#define REFORGE_RESPONSE_REPORT_TEXT_H

#include "response/report.h"

/* id, English, Simplified Chinese (words of design section 1) */
#define REPORT_WORDS(X)                                                                                              \
	X(W_TITLE, "Response report", "响应报告")                                                                    \
	X(W_DRILL, "DRILL", "应急演练")                                                                              \
	X(W_DRILL_LONG, "This was a drill: the advisory is synthetic, the work was real.",                           \
	  "本次为应急演练：漏洞公告为模拟，处置过程为真实执行。")                                                    \
	X(W_INCIDENT, "Incident", "响应单")                                                                          \
	X(W_STATE, "State", "状态")                                                                                  \
	X(W_STAGE, "Stage", "阶段")                                                                                  \
	X(W_SITE, "Site", "站点")                                                                                    \
	X(W_OPENED, "Opened", "建立")                                                                                \
	X(W_BY, "by", "由")                                                                                          \
	X(W_T0, "T0", "T0")                                                                                          \
	X(W_T0_FROM, "T0 is counted from", "T0 计自")                                                                \
	X(W_PUBLISHED, "Published", "发布时间")                                                                      \
	X(W_BACKLOG, "historic backfill", "历史补录")                                                                \
	X(W_ENGINES, "Engines", "引擎")                                                                              \
	X(W_PROVEN, "rebuilt and proven", "已重建并验证")                                                            \
	X(W_FAILED, "failed", "失败")                                                                                \
	X(W_BLOCKED, "blocked", "受阻")                                                                              \
	X(W_UNDER_WAY, "under way", "进行中")                                                                        \
	X(W_RELEASES, "Releases", "引擎发布包")                                                                      \
	X(W_RELEASES_PUBLISHED, "releases published", "引擎发布包已发布")                                            \
	X(W_CLOCKS, "Clocks", "响应时限")                                                                            \
	X(W_CLOCK_TIMELINE, "Timeline against the clocks", "时间线与响应时限")                                       \
	X(W_OF, "of", "/")                                                                                           \
	X(W_DUE, "Due", "截止")                                                                                      \
	X(W_REACHED, "Reached", "达成")                                                                              \
	X(W_RESULT, "Result", "结果")                                                                                \
	X(W_EVENTS, "What happened", "经过")                                                                         \
	X(W_EVENTS_CUT, "Only the first events are shown; the ledger holds all.", "仅显示前部事件；审计账本保存全部记录。") \
	X(W_WHEN, "When", "时间")                                                                                    \
	X(W_WHAT, "What", "事项")                                                                                    \
	X(W_WHO, "Who", "人员")                                                                                      \
	X(W_ADVISORIES, "Advisories", "漏洞公告")                                                                    \
	X(W_SEVERITY, "Severity", "严重程度")                                                                        \
	X(W_SOURCE, "Source", "来源")                                                                                \
	X(W_AFFECTED, "Affected", "受影响")                                                                          \
	X(W_FIXED, "Fixed", "修复版本")                                                                              \
	X(W_STALE, "A feed is stale: what it does not say proves nothing", "公告源已过期：其未提及的内容不能作为依据")         \
	X(W_WAIVED, "Accepted for a time", "限期风险豁免")                                                            \
	X(W_AS_OF, "as of", "截至")                                                                                   \
	X(W_BEFORE_AFTER, "Engines before and after", "引擎：处置前后")                                              \
	X(W_SERVICE, "Service", "服务")                                                                              \
	X(W_ENVIRONMENT, "Environment", "环境")                                                                      \
	X(W_ENGINE, "Engine", "引擎")                                                                                \
	X(W_TARGET, "Target", "目标平台")                                                                            \
	X(W_TOOLCHAIN, "Toolchain", "工具链")                                                                        \
	X(W_DIGEST, "Digest (SHA-256)", "摘要 (SHA-256)")                                                            \
	X(W_SIZE, "Size", "大小")                                                                                    \
	X(W_NUMERIC, "Largest difference", "最大数值差异")                                                           \
	X(W_LATENCY, "Latency p50", "延迟 p50")                                                                      \
	X(W_SPREAD, "Spread: 5, 25, 50, 75, 95 %", "分布：5、25、50、75、95 %")                                     \
	X(W_OLD, "old", "旧")                                                                                        \
	X(W_NEW, "new", "新")                                                                                        \
	X(W_ATTEMPT, "attempt", "第几次尝试")                                                                        \
	X(W_EVIDENCE, "Evidence", "证据")                                                                            \
	X(W_OUTPUT, "Output", "输出")                                                                                \
	X(W_JUDGEMENT, "Judgement", "判定")                                                                          \
	X(W_MAX_ABS, "max |Δ|", "最大绝对差")                                                                        \
	X(W_MAX_REL, "max rel. Δ", "最大相对差")                                                                     \
	X(W_COSINE, "min cosine", "最小余弦")                                                                        \
	X(W_IDENTICAL, "identical values", "相同值")                                                                 \
	X(W_RULE, "Rule", "规则")                                                                                    \
	X(W_ISOLATION, "Isolation", "隔离")                                                                          \
	X(W_LIBRARY, "Toolchain library", "工具链库")                                                                \
	X(W_LOG, "Build log", "构建日志")                                                                            \
	X(W_RECIPE_BUILD, "Recipe, build digest", "构建配方 · 构建摘要")                                             \
	X(W_RECIPE_PROOF, "Recipe, proof digest", "构建配方 · 验证摘要")                                             \
	X(W_PROOF, "Proof", "验证记录")                                                                              \
	X(W_INPUTS, "Golden inputs", "基准输入")                                                                     \
	X(W_PATH, "In the release", "发布包内路径")                                                                  \
	X(W_WHY, "Why this version", "版本选择依据")                                                                 \
	X(W_RELEASE, "Release", "引擎发布包")                                                                        \
	X(W_PARENT, "Parent", "父发布包")                                                                            \
	X(W_NOT_PUBLISHED, "not published", "未发布")                                                                \
	X(W_CANDIDATE, "candidate; the rollout is pending, stable still serves", "候选；尚未灰度，stable 仍在服务")  \
	X(W_LEFT, "What is left", "遗留事项")                                                                        \
	X(W_NOTHING_LEFT, "Nothing.", "无。")                                                                        \
	X(W_REASON, "Reason", "原因")                                                                                \
	X(W_OWNER, "Owner", "负责人")                                                                                \
	X(W_RUNTIMES, "Runtimes still exposed", "运行时仍受影响")                                                    \
	X(W_COMPONENT, "Component", "组件")                                                                          \
	X(W_ADVISORY, "Advisory", "漏洞公告")                                                                        \
	X(W_ROLLOUTS, "Rollouts pending", "待灰度发布")                                                              \
	X(W_LEDGER, "Ledger", "审计账本")                                                                            \
	X(W_LEDGER_TEXT, "records sealed, head", "条记录已封存，链头")                                               \
	X(W_SIGNED_WITH, "Releases and statements are signed with key", "发布包与声明的签名密钥")                    \
	X(W_VERIFY, "To verify: reforge ledger verify, reforge depot verify", "核验：reforge ledger verify，reforge depot verify") \
	X(W_GENERATED, "Generated", "生成于")                                                                        \
	X(W_UNKNOWN, "unknown", "未知")                                                                              \
	X(W_NONE, "none", "无")                                                                                      \
	X(W_PLANNED, "planned", "已计划")                                                                            \
	X(W_BUILDING, "building", "构建中")                                                                          \
	X(W_BUILT, "built", "已构建")                                                                                \
	X(W_STATE_PROVEN, "proven", "已验证")                                                                        \
	X(W_MET, "met", "按时")                                                                                      \
	X(W_MISSED, "missed", "超时")                                                                                \
	X(W_RUNNING, "running", "计时中")                                                                            \
	X(W_LATE, "late", "已逾期")                                                                                  \
	X(W_NOTHING, "nothing to do", "无须处理")

enum report_word {
#define X(id, english, chinese) id,
	REPORT_WORDS(X)
#undef X
	REPORT_WORD_COUNT
};
const char *report_word(enum report_language language, enum report_word word);
const char *report_language_tag(enum report_language language);      /* "en", "zh-CN" */
const char *report_task_word(enum report_language language, enum task_state state);
const char *report_clock_word(enum report_language language, enum clock_result result);

int report_html(const struct report *r, enum report_language language, struct str *to);
int report_markdown(const struct report *r, enum report_language language, struct str *to);
int report_json(const struct report *r, struct str *to);

#endif
