#pragma once

#include "tests/fixture/daemon.h"
#include "tests/fixture/http.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace sluice::fixture {

using namespace std::chrono_literals;

constexpr auto token = "0123456789abcdef";

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

inline std::string address(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

/// A daemon with pipelines "orders" and "copies" of one topic with two partitions, and its admin
/// server.
class AdminStage {
public:
    explicit AdminStage(const std::string& name, const std::string& stuck_after = "1m")
        : name_("admin_" + name), stuck_after_(stuck_after) {
        const Postgres& postgres = shared_postgres();
        postgres.create_database(name_);
        for (const char* table : {"orders", "copies"}) {
            exec("create table " + std::string(table) + " (id bigint, amount numeric)");
        }
        shared_broker().admin().create_topic(name_, 2);
        write_file(folder() / "token", token);
        configure({"orders", "copies"});
        daemon = std::make_unique<Daemon>(file_);
        until([&] { return get("/readyz").status == 200; }, "readiness");
    }

    void configure(const std::vector<std::string>& pipelines) const {
        std::string text =
            "[kafka]\nbrokers = \"" + shared_broker().bootstrap() + "\"\n[cloudberry]\ndsn = \"" +
            shared_postgres().dsn(name_) + "\"\n[admin]\nlisten = \"" + address(port) +
            "\"\ntoken = { file = \"token\" }\nstuck_after = \"" + stuck_after_ + "\"\n";
        for (const std::string& pipeline : pipelines) {
            text += "[ingest." + pipeline + "]\ntopic = \"" + name_ + "\"\ntable = \"" + pipeline +
                    "\"\ngroup = \"" + name_ + "." + pipeline +
                    "\"\nbatch = { delay = \"50ms\" }\n";
        }
        write_file(file_, text);
    }
    /// More sections, at the end of the file.
    void add(const std::string& sections) const {
        std::ifstream in(file_);
        const std::string config{std::istreambuf_iterator<char>(in), {}};
        write_file(file_, config + sections);
    }
    /// And lets it send 30 events, to the same topic.
    void add_outbox() const {
        exec(
            "create table outbox (id bigserial primary key, payload text, created_at timestamptz "
            "default clock_timestamp())");
        add("[outbox.events]\ntable = \"public.outbox\"\ntopic = \"" + name_ +
            "\"\nmarks_topic = \"" + name_ + ".marks\"\n");
        exec("insert into outbox (payload) select '{\"id\": 7}' from generate_series(1, 30)");
        until([&] { return shows("sluice_outbox_events_total{pipeline=\"events\"} 30"); },
              "the events");
    }
    void produce(int records, const std::string& value = R"({"id": 1, "amount": 2.5})") {
        for (int i = 0; i < records; ++i) producer_.produce(name_, i % 2, value);
        producer_.flush();
    }
    void exec(const std::string& sql) const { shared_postgres().exec(sql, name_); }
    std::string value(const std::string& sql) const { return shared_postgres().value(sql, name_); }
    int rows() const { return std::stoi(value("select count(*) from orders")); }
    HttpAnswer get(const std::string& target) const { return http(port, "GET", target); }
    int post(const std::string& target) const { return http(port, "POST", target, token).status; }
    std::string metrics() const { return "\n" + get("/metrics").body; }
    /// Of a metric without labels.
    double number(const std::string& metric) const {
        const std::string text = metrics();
        return std::stod(text.substr(text.find("\n" + metric + " ") + metric.size() + 2));
    }
    bool shows(const std::string& line) const { return contains(metrics(), "\n" + line + "\n"); }
    void until(const std::function<bool()>& predicate, const std::string& what) const {
        try {
            wait_until(predicate, patient(30s), what);
        } catch (const WaitedTooLong& late) {
            FAIL(std::string(late.what()) << "\n"
                                          << get("/status").body << "\n"
                                          << (daemon ? daemon->log() : ""));
        }
    }
    const std::string& topic() const { return name_; }
    const std::filesystem::path& file() const { return file_; }
    const std::filesystem::path& folder() const { return dir_.path(); }

    std::uint16_t port = free_port();
    std::unique_ptr<Daemon> daemon;

private:
    const std::string name_;
    const std::string stuck_after_;
    TempDir dir_{"admin"};
    std::filesystem::path file_ = dir_.path() / "sluice.toml";
    KafkaProducer producer_{shared_broker().client()};
};

}  // namespace sluice::fixture
