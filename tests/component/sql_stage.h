#pragma once

#include "tests/fixture/daemon.h"
#include "tests/fixture/fake_segments.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::fixture {

/// A daemon whose topics are tables in SQL, in a database of its own, and the segments that read
/// and write them.
class SqlStage {
public:
    explicit SqlStage(std::string database, KafkaBroker& broker = shared_broker())
        : database_(std::move(database)), broker_(broker) {
        shared_postgres().create_database(database_);
    }

    /// `segments`: more keys of [segments]; `pipelines`: and what comes behind it.
    void write_configuration(const std::string& segments, const std::string& pipelines,
                             const std::string& properties = "") const {
        write_file(file(), "[kafka]\nbrokers = \"" + broker_.bootstrap() + "\"\n" + properties +
                               "[cloudberry]\ndsn = \"" + shared_postgres().dsn(database_) +
                               "\"\n[admin]\nlisten = \"127.0.0.1:" + std::to_string(admin) +
                               "\"\n[segments]\nlisten = \"127.0.0.1:" + std::to_string(port) +
                               "\"\nadvertise = \"127.0.0.1\"\n"
                               "sql_secret = \"0123456789abcdef\"\n" +
                               segments + pipelines);
    }
    void start() {
        REQUIRE(sluice({"schema", "--apply"}).exit_code == 0);
        daemon = std::make_unique<Daemon>(file());
        wait_until([&] { return is_logged("segments: listening"); },
                   patient(std::chrono::seconds(30)), "the server for segments");
    }
    /// The daemon notices by itself.
    void until_adopted(const std::function<void()>& change) const {
        const std::string applied = "sluice_config_reloads_total{result=\"applied\"}";
        const std::string before = metric(applied);
        change();
        wait_until([&] { return metric(applied) != before; }, patient(std::chrono::seconds(30)),
                   "the reload");
    }
    [[nodiscard]] bool is_logged(const std::string& text) const {
        return daemon->log().find(text) != std::string::npos;
    }
    void exec(const std::string& sql) const { shared_postgres().exec(sql, database_); }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return shared_postgres().value(sql, database_);
    }
    [[nodiscard]] RunResult sluice(std::vector<std::string> words) const {
        words.insert(words.end(), {"-c", file().string()});
        return run_sluice(words);
    }
    /// Behind host and port, of the table that `sluice sql` prints.
    [[nodiscard]] std::string path(std::vector<std::string> words) const {
        words.insert(words.begin(), "sql");
        const RunResult result = sluice(words);
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        printed = result.out;
        const std::string begin = "gpfdist://127.0.0.1:" + std::to_string(port);
        const std::size_t from = result.out.find(begin) + begin.size();
        return result.out.substr(from, result.out.find('\'', from) - from);
    }
    /// Why `sluice sql` makes none.
    [[nodiscard]] std::string refusal(std::vector<std::string> words) const {
        words.insert(words.begin(), "sql");
        const RunResult result = sluice(words);
        CHECK(result.exit_code == 2);
        return result.err;
    }
    /// A statement that has not been before.
    [[nodiscard]] SegmentAsks statement(const std::string& of) {
        return {.path = of, .xid = "15-" + std::to_string(++statements_)};
    }
    [[nodiscard]] std::vector<SegmentRead> read(const SegmentAsks& asks, int segments = 3) const {
        return read_as_segments(port, segments_of(asks, segments));
    }
    [[nodiscard]] std::string metric(const std::string& line) const {
        const std::string body = http(admin, "GET", "/metrics").body;
        const std::size_t at = body.find(line + " ");
        if (at == std::string::npos) return "";
        return body.substr(at + line.size() + 1, body.find('\n', at) - at - line.size() - 1);
    }

    std::filesystem::path file() const { return dir_.path() / "sluice.toml"; }
    const std::uint16_t port = free_port();
    const std::uint16_t admin = free_port();
    std::unique_ptr<Daemon> daemon;
    mutable std::string printed;

private:
    const std::string database_;
    KafkaBroker& broker_;
    TempDir dir_{"sql"};
    int statements_ = 0;
};

}  // namespace sluice::fixture
