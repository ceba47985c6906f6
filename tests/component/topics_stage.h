#pragma once

#include "tests/component/admin_stage.h"

#include <algorithm>

namespace sluice::fixture {

/// A daemon with one pipeline, "events", of the topics that a test says; rows know where they are
/// from. Topics are called after the stage.
class TopicsStage {
public:
    explicit TopicsStage(const std::string& name) : name_(name) {
        shared_postgres().create_database(name_);
        exec(std::string("create table events ") + columns);
        exec(
            "create table receipts (id bigserial primary key, topic text, key text, payload text)");
    }
    /// Of the tables that rows go to.
    static constexpr const char* columns = "(topic text, part int, offs bigint, id int)";

    /// TOML of `topic`, more keys of the pipeline, and where rows go.
    void configure(const std::string& topics, const std::string& more = "",
                   const std::string& table = "events") {
        configure_events("topic = " + topics + "\ntable = '" + table + "'\n" + more +
                         "[ingest.events.columns]\n" + origin + "id = \"id\"\n");
    }
    /// Columns that say where a row is from.
    static constexpr const char* origin =
        "topic = \"@topic\"\npart = \"@partition\"\noffs = \"@offset\"\n";
    /// All that the pipeline says of its topics and tables.
    void configure_events(const std::string& keys) {
        write_file(file_, "[kafka]\nbrokers = \"" + shared_broker().bootstrap() +
                              "\"\n[kafka.properties]\n\"topic.metadata.refresh.interval.ms\" = "
                              "\"300\"\n[cloudberry]\ndsn = \"" +
                              shared_postgres().dsn(name_) + "\"\n[admin]\nlisten = \"" +
                              address(port_) + "\"\n[ingest.events]\ngroup = \"" + name_ +
                              "\"\nbatch.delay = \"50ms\"\n" + keys);
    }
    void start() {
        if (daemon_)
            daemon_->start();
        else
            daemon_ = std::make_unique<Daemon>(file_);
    }
    void stop() {
        // The group forgets the member: commands that change progress wait for that.
        CHECK_MESSAGE(daemon_->stop() == 0, daemon_->log());
    }
    [[nodiscard]] std::string topic(const std::string& last) const { return name_ + "." + last; }
    void create(const std::string& last, int partitions = 2) const {
        shared_broker().admin().create_topic(topic(last), partitions);
    }
    void produce(const std::string& last, int partition, int records,
                 const std::string& value = R"({"id": 1})") {
        for (int i = 0; i < records; ++i) producer_.produce(topic(last), partition, value);
        producer_.flush();
    }
    void produce(const std::string& last, int partition, const std::vector<std::string>& values) {
        for (const std::string& value : values) producer_.produce(topic(last), partition, value);
        producer_.flush();
    }
    void exec(const std::string& sql) const { shared_postgres().exec(sql, name_); }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, name_);
    }
    [[nodiscard]] int rows(const std::string& last) const {
        return std::stoi(value("select count(*) from events where topic = '" + topic(last) + "'"));
    }
    [[nodiscard]] RunResult run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin() + 1, {"-c", file_.string()});
        return run_sluice(arguments);
    }
    void until(const std::function<bool()>& predicate, const std::string& what) const {
        try {
            wait_until(predicate, patient(40s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << "\n" << status() << "\n" << daemon_->log());
        }
    }
    void until_rows(const std::string& last, int count) const {
        until([&] { return rows(last) == count; },
              std::to_string(count) + " rows of " + topic(last));
    }
    [[nodiscard]] std::string status() const { return http(port_, "GET", "/status").body; }
    [[nodiscard]] std::string metrics() const { return http(port_, "GET", "/metrics").body; }
    /// As verify says.
    void check_books() const {
        const RunResult verified = run({"verify"});
        CHECK_MESSAGE(verified.exit_code == 0, verified.out << verified.err);
        CHECK_MESSAGE(contains(verified.out, "every offset is accounted for, once\n"),
                      verified.out);
        CHECK(value("select count(*) from (select 1 from events group by topic, part, offs having "
                    "count(*) > 1) doubled") == "0");
    }
    [[nodiscard]] std::string log() const { return daemon_->log(); }

private:
    const std::string name_;
    const std::uint16_t port_ = free_port();
    TempDir dir_{"topics"};
    std::filesystem::path file_ = dir_.path() / "sluice.toml";
    KafkaProducer producer_{shared_broker().client()};
    std::unique_ptr<Daemon> daemon_;
};

/// TOML of a list.
inline std::string list(const std::vector<std::string>& topics) {
    std::string toml;
    for (const std::string& topic : topics) toml += (toml.empty() ? "[\"" : ", \"") + topic + "\"";
    return toml + "]";
}

}  // namespace sluice::fixture
