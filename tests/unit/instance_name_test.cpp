#include "daemon/identity/instance_name.h"

#include "config/instance.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <memory>

using namespace sluice;

namespace {

InstanceName::Identity identity(const std::string& config_file, const std::string& schema = "s") {
    return {.schema = schema, .config_file = std::to_string(::getpid()) + "/" + config_file};
}

config::Kafka called(const std::string& instance) {
    config::Kafka kafka;
    kafka.instance = instance;
    return kafka;
}

std::string own(const InstanceName& name) {
    return name.of(called(config::of_the_host));
}

}  // namespace

TEST_CASE(
    "instance name: daemons of one configuration have different ones, and find theirs again") {
    auto one = std::make_unique<InstanceName>(identity("sluice.toml"));
    const InstanceName two{identity("./sluice.toml")};
    const std::string first = own(*one);
    CHECK(first.ends_with("-0"));
    CHECK(own(two) == first.substr(0, first.size() - 1) + "1");
    one.reset();
    const InstanceName again{identity("sluice.toml")};
    CHECK(own(again) == first);
}

TEST_CASE("instance name: another configuration or schema counts by itself") {
    const InstanceName one{identity("sluice.toml")};
    const InstanceName file{identity("other.toml")};
    const InstanceName schema{identity("sluice.toml", "other")};
    CHECK(own(file).ends_with("-0"));
    CHECK(own(schema).ends_with("-0"));
    CHECK(own(file) != own(one));
    CHECK(own(schema) != own(one));
}

TEST_CASE("instance name: what is configured stands, the empty one included") {
    const InstanceName name{identity("sluice.toml")};
    CHECK(name.of(called("node-1")) == "node-1");
    CHECK(name.of(called("")) == "");
}

TEST_CASE("instance name: one that another daemon has is not used again, others are") {
    InstanceName name{identity("sluice.toml")};
    const std::string ours = own(name);
    const auto now = InstanceName::Clock::now();
    name.on_fenced(ours, "one", now);
    name.on_fenced(ours, "other", now);
    CHECK(own(name) == ours);
    SUBCASE("fenced again at once, which only a twin brings about") {
        name.on_fenced(ours, "one", now + std::chrono::seconds(3));
        CHECK(own(name) == "");
        CHECK(name.of(called("node-1")) == "node-1");
    }
    SUBCASE("fenced again after a long time, by the next outage of Kafka") {
        name.on_fenced(ours, "one", now + std::chrono::minutes(5));
        CHECK(own(name) == ours);
    }
}
