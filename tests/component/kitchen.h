#pragma once

#include "tests/component/admin_stage.h"
#include "tests/component/documented_blocks.h"

namespace sluice::fixture {

class Recipe : public DocumentedBlocks {
public:
    explicit Recipe(const std::string& heading) : DocumentedBlocks("recipes.md", heading) {}
};

/// A database of its own, and a daemon or runs that end.
class Kitchen {
public:
    explicit Kitchen(std::string name, KafkaBroker& broker = shared_broker())
        : name_("recipe_" + std::move(name)), broker_(&broker) {
        shared_postgres().create_database(name_);
    }
    void sql(const std::string& text) const { shared_postgres().exec(text, name_); }
    std::string value(const std::string& text) const {
        return shared_postgres().value(text, name_);
    }
    void use(KafkaBroker& broker) { broker_ = &broker; }
    void configure(const std::string& pipelines) const {
        write_file(file(), "[kafka]\nbrokers = \"" + broker_->bootstrap() +
                               "\"\n[cloudberry]\ndsn = \"" + shared_postgres().dsn(name_) +
                               "\"\n[admin]\nlisten = \"" + address(port_) + "\"\ntoken = \"" +
                               token + "\"\n" + pipelines);
    }
    void produce(const std::string& topic, int from, int to, const std::string& more = "") const {
        KafkaProducer producer(broker_->client());
        for (int id = from; id < to; ++id)
            producer.produce(topic, 0, R"({"id": )" + std::to_string(id) + more + "}");
        producer.flush();
    }
    /// What it prints.
    std::string sluice(std::vector<std::string> words) const {
        words.insert(words.end(), {"-c", file().string()});
        const RunResult result = run_sluice(words, {}, patient(60s));
        REQUIRE_MESSAGE(result.exit_code == 0, words[0] << "\n" << result.out << result.err);
        return result.out;
    }
    void catch_up() const { sluice({"run", "--until-caught-up"}); }
    void start() { daemon_ = std::make_unique<Daemon>(file()); }
    void stop() { CHECK(daemon_->stop() == 0); }
    std::string asked(const std::string& path) const { return http(port_, "GET", path).body; }
    void until(const std::function<bool()>& predicate, const std::string& what) const {
        try {
            wait_until(predicate, patient(60s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(late.what() << "\n" << (daemon_ ? daemon_->log() : ""));
        }
    }
    void until_rows(const std::string& table, int rows) const {
        until([&] { return value("select count(*) from " + table) == std::to_string(rows); },
              "the rows of " + table);
    }
    /// All of them, each once.
    void check_ids(const std::string& table, int rows) const {
        CHECK(value("select count(*) || ' ' || count(distinct id) from " + table) ==
              std::to_string(rows) + " " + std::to_string(rows));
    }
    const std::string& name() const { return name_; }
    std::filesystem::path file() const { return dir_.path() / "sluice.toml"; }

private:
    const std::string name_;
    KafkaBroker* broker_;
    const std::uint16_t port_ = free_port();
    TempDir dir_{"recipe"};
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace sluice::fixture
