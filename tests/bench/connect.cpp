#include "tests/bench/connect.h"

#include "pipeline/values/json_text.h"
#include "tests/fixture/http.h"
#include "tests/fixture/java_logging.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/wait.h"

#include <chrono>
#include <stdexcept>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

/// An object of texts.
std::string json_object(const ConnectSettings& settings) {
    std::string text;
    for (const auto& [name, value] : settings) {
        text += text.empty() ? '{' : ',';
        json::append_string(text, name);
        text += ':';
        json::append_string(text, value);
    }
    return text + '}';
}

std::string install() {
    const std::filesystem::path libs = SLUICE_PEERS_LIBS;
    // Holds the list that the jars are of.
    const std::filesystem::path complete = libs / ".complete";
    const std::string wanted = fixture::read_file(SLUICE_PEERS_POM);
    if (std::filesystem::exists(complete) && fixture::read_file(complete) == wanted)
        return libs.string();
    std::filesystem::remove_all(libs);
    std::filesystem::create_directories(libs);
    fixture::run_or_throw(
        {.argv = {"mvn", "-q", "-B",
                  "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies", "-f",
                  SLUICE_PEERS_POM, "-DoutputDirectory=" + libs.string()}},
        600s);
    fixture::write_file(complete, wanted);
    return libs.string();
}

}  // namespace

ConnectSettings json_values(const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string schema;
    for (const auto& [name, type] : fields) {
        schema += (schema.empty() ? "" : ",") + json_object({{"field", name}, {"type", type}});
    }
    return {{"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
            {"value.converter.schemas.enable", "true"},
            {"value.converter.schema.content", R"({"type":"struct","fields":[)" + schema + "]}"}};
}

ConnectSettings avro_values(const std::string& registry_url) {
    return {{"value.converter", "io.apicurio.registry.utils.converter.AvroConverter"},
            {"value.converter.apicurio.registry.url", registry_url},
            {"value.converter.apicurio.registry.id-handler",
             "io.apicurio.registry.serde.Legacy4ByteIdHandler"},
            {"value.converter.apicurio.registry.use-id", "contentId"}};
}

ConnectSettings inserts() {
    return {{"insert.mode", "insert"}, {"primary.key.mode", "none"}};
}

ConnectSettings upserts() {
    return {{"insert.mode", "upsert"},
            {"primary.key.mode", "record_value"},
            {"primary.key.fields", "id"}};
}

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
            return fixture::http(port_, "GET", "/").status == 200;
        },
        120s, "Kafka Connect");
}

std::string ConnectWorker::document(const Connector& connector) const {
    ConnectSettings settings{
        {"connector.class", "io.debezium.connector.jdbc.JdbcSinkConnector"},
        {"topics", connector.topic},
        {"tasks.max", "4"},
        {"connection.url",
         "jdbc:postgresql://127.0.0.1:" + std::to_string(stage_.postgres().port()) + "/test"},
        {"connection.username", "postgres"},
        {"connection.password", "none"},
        {"schema.evolution", "none"},
        {"batch.size", "10000"},
        {"collection.name.format", "public." + connector.table},
        // Three times as fast as INSERTs with many VALUES.
        {"dialect.postgres.unnest.insert.enabled", "true"},
        {"consumer.override.max.poll.records", "10000"},
        {"consumer.override.max.partition.fetch.bytes", "10000000"}};
    settings.insert(connector.values.begin(), connector.values.end());
    settings.insert(connector.rows.begin(), connector.rows.end());
    std::string text = R"({"name":)";
    json::append_string(text, connector.topic);
    return text + R"(,"config":)" + json_object(settings) + "}";
}

void ConnectWorker::add_connector(const Connector& connector) {
    request("POST", "/connectors", document(connector));
}

void ConnectWorker::remove_connector(const std::string& topic) {
    request("DELETE", "/connectors/" + topic, "");
}

void ConnectWorker::request(const std::string& method, const std::string& target,
                            const std::string& json) {
    const fixture::HttpAnswer answer = fixture::http_json(port_, method, target, json);
    if (answer.status / 100 != 2) {
        throw std::runtime_error("Kafka Connect says \"" + answer.body + "\":\n" + log());
    }
}

void ConnectWorker::kill() {
    process_->kill();
}

void ConnectWorker::start_with(const Connector& connector) {
    const std::filesystem::path file = dir_.path() / (connector.topic + ".json");
    fixture::write_file(file, document(connector));
    start({file.string()});
}

std::string ConnectWorker::log() const {
    std::string text = fixture::read_file(dir_.path() / "connect.log");
    if (text.size() > 4000) text.erase(0, text.size() - 4000);
    return text;
}

}  // namespace sluice::bench
