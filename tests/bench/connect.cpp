#include "tests/bench/connect.h"

#include "tests/fixture/java_logging.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <system_error>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

/// Plain JSON has no types: the converter is told. Dates stay text, for which the database has
/// casts (see peers.cpp): three times as fast as INSERTs with many VALUES, which need none.
constexpr const char* schema =
    R"({\"type\":\"struct\",\"fields\":[{\"field\":\"id\",\"type\":\"int32\"},)"
    R"({\"field\":\"customer\",\"type\":\"string\"},{\"field\":\"birthday\",\"type\":\"string\"},)"
    R"({\"field\":\"ordered_at\",\"type\":\"string\"}]})";

std::string install() {
    const std::filesystem::path libs = SLUICE_PEERS_LIBS;
    const std::filesystem::path complete = libs / ".complete";
    if (std::filesystem::exists(complete)) return libs.string();
    std::filesystem::create_directories(libs);
    fixture::run_or_throw(
        {.argv = {"mvn", "-q", "-B",
                  "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-f",
                  SLUICE_PEERS_POM, "-DoutputDirectory=" + libs.string()}},
        600s);
    fixture::write_file(complete, "");
    return libs.string();
}

/// The status line of the answer.
std::string http(std::uint16_t port, const std::string& request) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size())) {
        std::array<char, 4096> text;
        for (ssize_t got; (got = recv(fd, text.data(), text.size(), 0)) > 0;) {
            answer.append(text.data(), static_cast<std::size_t>(got));
        }
    }
    close(fd);
    return answer.substr(0, answer.find('\r'));
}

}  // namespace

ConnectWorker::ConnectWorker(Stage& stage) : stage_(stage), port_(fixture::free_port()) {
    fixture::write_file(dir_.path() / "worker.properties",
                        "bootstrap.servers=" + stage.broker().bootstrap() +
                            "\nkey.converter=org.apache.kafka.connect.storage.StringConverter"
                            "\nvalue.converter=org.apache.kafka.connect.json.JsonConverter"
                            "\noffset.storage.file.filename=" +
                            (dir_.path() / "offsets").string() +
                            "\noffset.flush.interval.ms=5000\nlisteners=http://127.0.0.1:" +
                            std::to_string(port_) + "\n");
    start({});
}

void ConnectWorker::start(const std::vector<std::string>& connector_files) {
    fixture::ProcessOptions options;
    options.argv = {"java",
                    "-Xms1g",
                    "-Xmx2g",
                    "-cp",
                    install() + "/*",
                    "org.apache.kafka.connect.cli.ConnectStandalone",
                    "worker.properties"};
    const std::vector<std::string> logging = fixture::java_logging(dir_.path(), "warn");
    options.argv.insert(options.argv.begin() + 1, logging.begin(), logging.end());
    options.argv.insert(options.argv.end(), connector_files.begin(), connector_files.end());
    options.cwd = dir_.path();
    options.log = dir_.path() / "connect.log";
    process_ = std::make_unique<fixture::Process>(options);
    if (!connector_files.empty()) return;
    fixture::wait_until(
        [&] {
            if (!process_->running()) throw std::runtime_error("Kafka Connect ended:\n" + log());
            return http(port_, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .ends_with("200 OK");
        },
        120s, "Kafka Connect");
}

std::string ConnectWorker::connector(const std::string& topic, const std::string& table) const {
    const fixture::Postgres& postgres = stage_.postgres();
    return R"({"name":")" + topic +
           R"(","config":{"connector.class":"io.debezium.connector.jdbc.JdbcSinkConnector",)"
           R"("topics":")" +
           topic + R"(","tasks.max":"4","connection.url":"jdbc:postgresql://127.0.0.1:)" +
           std::to_string(postgres.port()) +
           R"(/test",)"
           R"("connection.username":"postgres","connection.password":"none",)"
           R"("insert.mode":"insert","primary.key.mode":"none","schema.evolution":"none",)"
           R"("batch.size":"10000","collection.name.format":"public.)" +
           table +
           R"(","value.converter":"org.apache.kafka.connect.json.JsonConverter",)"
           R"("value.converter.schemas.enable":"true","value.converter.schema.content":")" +
           schema +
           R"(","dialect.postgres.unnest.insert.enabled":"true",)"
           R"("consumer.override.max.poll.records":"10000",)"
           R"("consumer.override.max.partition.fetch.bytes":"10000000"}})";
}

void ConnectWorker::add_connector(const std::string& topic, const std::string& table) {
    request("POST /connectors", connector(topic, table));
}

void ConnectWorker::remove_connector(const std::string& topic) {
    request("DELETE /connectors/" + topic, "");
}

void ConnectWorker::request(const std::string& what, const std::string& body) {
    const std::string status =
        http(port_, what +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body);
    if (status.find(" 20") == std::string::npos) {
        throw std::runtime_error("Kafka Connect says \"" + status + "\":\n" + log());
    }
}

void ConnectWorker::kill() {
    process_->kill();
}

void ConnectWorker::start_with(const std::string& topic, const std::string& table) {
    const std::filesystem::path file = dir_.path() / (topic + ".json");
    fixture::write_file(file, connector(topic, table));
    start({file.string()});
}

std::string ConnectWorker::log() const {
    std::string text = fixture::read_file(dir_.path() / "connect.log");
    if (text.size() > 4000) text.erase(0, text.size() - 4000);
    return text;
}

}  // namespace sluice::bench
