#include "daemon/supervisor/topic_schema.h"
#include "daemon/supervisor/sparing_subjects.h"
#include "pipeline/errors.h"
#include "tests/unit/config_setup.h"

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

using Clock = SparingSubjects::Clock;

/// Takes ten seconds to say that nobody answers.
struct FakeSubjects : SubjectSource {
    std::optional<SubjectSchema> latest(const std::string& subject) override {
        ++asked;
        if (is_away) {
            now += 10s;
            throw TroubleOfTheWorld("nobody answers " + subject);
        }
        const auto found = schemas.find(subject);
        if (found == schemas.end()) return std::nullopt;
        return SubjectSchema{
            1, 1, {.type = schemas::SchemaType::avro, .text = found->second, .references = {}}};
    }
    std::map<std::string, std::string> schemas;
    Clock::time_point now{};
    bool is_away = false;
    int asked = 0;
};

std::vector<std::string> key_of(const std::string& keys) {
    const config::Ingest target = config::test::accepted_pipeline(
        "format = 'avro'\nschema = 'registry'\nmode = 'merge'\ncreate = true\n" + keys +
        "[registry]\nurl = 'http://r'\n");
    FakeSubjects registry;
    registry.schemas["orders-key"] =
        R"({"type":"record","name":"k","fields":[{"name":"tenant","type":"string"},
            {"name":"id","type":"long"}]})";
    return key_fields_of("orders", &target, {}, &registry);
}

}  // namespace

TEST_CASE("topic schema: the key of a table is made of the columns that the keys' fields fill") {
    using Names = std::vector<std::string>;
    CHECK(key_of("") == Names{"tenant", "id"});
    CHECK(key_of("key = ['id']\n") == Names{"id"});
    const std::string columns = "[ingest.orders.columns]\n";
    CHECK(key_of(columns + "id = 'id'\nwho = '@key/tenant'\n") == Names{"who", "id"});
    CHECK(key_of(columns + "id = 'id'\nname = 'name'\n") == Names{"tenant", "id"});
}

TEST_CASE("topic schema: a registry that does not answer is not asked for each topic") {
    const auto registry = std::make_shared<FakeSubjects>();
    SparingSubjects subjects(registry, [registry] { return registry->now; });
    CHECK_FALSE(subjects.latest("a"));
    CHECK_FALSE(subjects.latest("b"));
    CHECK(registry->asked == 2);
    registry->is_away = true;
    for (int topic = 0; topic < 100; ++topic)
        CHECK_THROWS_WITH_AS(static_cast<void>(subjects.latest(std::to_string(topic))),
                             "nobody answers 0", TroubleOfTheWorld);
    CHECK(registry->asked == 3);
    registry->now += 31s;
    registry->is_away = false;
    CHECK_FALSE(subjects.latest("a"));
    CHECK(registry->asked == 4);
}
