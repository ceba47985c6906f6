#include "tests/crash/stage.h"

#include "tests/fixture/wait.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <future>

namespace sluice::crash {

using std::chrono::milliseconds;

namespace {

std::string unique_name() {
    static int count = 0;
    return "t" + std::to_string(::getpid()) + "_" + std::to_string(++count);
}

}  // namespace

World::World() {
    auto starting = std::async(std::launch::async, [] {
        return std::make_unique<fixture::KafkaBroker>(fixture::KafkaBrokerOptions{.proxied = true});
    });
    postgres = std::make_unique<fixture::Postgres>();
    broker = starting.get();
}

World& world() {
    static World the_world;
    return the_world;
}

Stage::Stage(int partitions)
    : topic_(unique_name()), database_(topic_), config_(dir_.path() / "sluice.toml") {
    world().postgres->create_database(database_);
    world().broker->admin().create_topic(topic_, partitions);
}

fixture::Daemon& Stage::start(const std::string& name, std::map<std::string, std::string> env) {
    env["SLUICE_INSTANCE"] = name;
    auto& daemon = daemons_[name];
    if (daemon) {
        pass_over_log(name);
        daemon->start(std::move(env));
    } else {
        daemon = std::make_unique<fixture::Daemon>(config_, std::move(env));
    }
    return *daemon;
}

void Stage::configure(const std::string& pipelines) {
    fixture::write_file(config_, "[kafka]\nbrokers = \"" + world().broker->bootstrap() +
                                     "\"\ninstance = { env = \"SLUICE_INSTANCE\" }\n"
                                     "[kafka.properties]\n\"session.timeout.ms\" = 4000\n"
                                     "\"heartbeat.interval.ms\" = 300\n[cloudberry]\ndsn = \"" +
                                     world().postgres->dsn(database_) + "\"\n" + pipelines);
    REQUIRE(fixture::run_sluice({"schema", "--apply", "-c", config_.string()}).exit_code == 0);
}

void Stage::wait_for_progress(int records) const {
    fixture::wait_until(
        [&] {
            return value("select coalesce(sum(next_offset), 0) from sluice.progress") ==
                   std::to_string(records);
        },
        fixture::patient(60s), "all records" + logs());
}

std::string Stage::logs() const {
    std::string text;
    for (const auto& [name, daemon] : daemons_) {
        std::string log = daemon->log();
        constexpr std::size_t most = 6000;
        if (log.size() > most) log = "…" + log.substr(log.size() - most);
        text += "\n--- log of daemon " + name + "\n" + log;
    }
    return text;
}

void Stage::exec(const std::string& sql) const {
    world().postgres->exec(sql, database_);
}

std::string Stage::value(const std::string& sql) const {
    return world().postgres->value(sql, database_);
}

void Stage::pass_over_log(const std::string& name) {
    passed_over_[name] = daemon(name).log().size();
}

void Stage::wait_for_log(const std::string& text, const std::string& name, milliseconds deadline) {
    const auto is_there = [&] {
        return daemon(name).log().find(text, passed_over_[name]) != std::string::npos;
    };
    try {
        fixture::wait_until(is_there, fixture::patient(deadline),
                            "\"" + text + "\" in the log of " + name);
    } catch (const fixture::WaitedTooLong& late) {
        throw fixture::WaitedTooLong(std::string(late.what()) + logs());
    }
}

}  // namespace sluice::crash
