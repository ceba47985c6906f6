#include "daemon/imports/gpss_reasons.h"

#include "config/text/characters.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {
namespace {

struct KeyWithoutEqual {
    std::string_view name;  ///< the last part of the key, in any case
    std::string_view why;
    bool is_to_do = false;  ///< without it, other rows are loaded
};

constexpr std::array keys_without_equal{
    KeyWithoutEqual{"consistency", "it is exactly once, always"},
    KeyWithoutEqual{"poll", "records are fetched ahead as memory permits"},
    KeyWithoutEqual{"metadata", "Sluice's own tables are in the schema that [cloudberry] names"},
    KeyWithoutEqual{"work_schema",
                    "there are no external tables; Sluice's own are in [cloudberry] schema"},
    KeyWithoutEqual{"staging_schema",
                    "there are no external tables; Sluice's own are in [cloudberry] schema"},
    KeyWithoutEqual{"save_failing_batch",
                    "what fails is in sluice.dead_letter, the rest is loaded"},
    KeyWithoutEqual{"recover_failing_batch",
                    "what fails is in sluice.dead_letter, the rest is loaded"},
    KeyWithoutEqual{"max_retries", "trouble of the world is tried again for as long as it lasts"},
    KeyWithoutEqual{"retry_interval",
                    "trouble of the world is tried again for as long as it lasts"},
    KeyWithoutEqual{"running_duration", "schedule = { run = \"02:00-06:00\" } is the nearest"},
    KeyWithoutEqual{"auto_stop_restart_interval",
                    "schedule = { run = \"02:00-06:00\" } is the nearest"},
    KeyWithoutEqual{"max_restart_times", "schedule = { run = \"02:00-06:00\" } is the nearest"},
    KeyWithoutEqual{"quit_at_eof_after", "sluice run --until-caught-up ends when all is loaded"},
    KeyWithoutEqual{"idle_duration", "a batch waits for batch.delay at most"},
    KeyWithoutEqual{"idle_duration_ms", "a batch waits for batch.delay at most"},
    KeyWithoutEqual{"alert", "metrics and their alerts say what is wrong"},
    KeyWithoutEqual{"prepare_sql", "nothing is run before a start: run it by hand, once"},
    KeyWithoutEqual{"prepare_statement", "nothing is run before a start: run it by hand, once"},
    KeyWithoutEqual{"teardown_sql", "nothing is run behind a stop; after_commit is the nearest"},
    KeyWithoutEqual{"teardown_statement",
                    "nothing is run behind a stop; after_commit is the nearest"},
    KeyWithoutEqual{"read_workers", "lanes share the partitions"},
    KeyWithoutEqual{"read_buffer", "memory limits what is fetched ahead"},
    KeyWithoutEqual{"force_quote", "fields are read alike with quotes and without"},
    KeyWithoutEqual{"schema_min_tls_version", "OpenSSL takes the newest that both sides know"},
    KeyWithoutEqual{"transformer", "columns, { sql = … } or explode may say the same", true},
    KeyWithoutEqual{"encoding", "records are read as UTF-8", true},
    KeyWithoutEqual{"tls", "[kafka.properties] says it: security.protocol, ssl.ca.location, …",
                    true},
};

}  // namespace

std::string why_without_equal(const std::string& key) {
    const std::string last = key.substr(key.rfind('.') + 1);
    const auto* const found = std::ranges::find_if(
        keys_without_equal,
        [&](const KeyWithoutEqual& each) { return equal_ignoring_case(each.name, last); });
    if (found == keys_without_equal.end()) return key + " is not carried over";
    return (found->is_to_do ? "TO DO: " : "") + key +
           " is not carried over: " + std::string(found->why);
}

}  // namespace sluice
