#include "daemon/commands.h"
#include "daemon/report.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "pipeline/row_mapper.h"
#include "sinks/catalogue.h"
#include "sinks/check.h"

#include <algorithm>
#include <iostream>
#include <optional>

namespace sluice {
namespace {

using Severity = Finding::Severity;

/// Goes on to the next question whatever one question meets, and keeps what it met.
class Findings {
public:
    void add(Severity severity, std::string text, std::string remedy = "") {
        all_.push_back({severity, std::move(text), std::move(remedy)});
    }
    void add(std::vector<Finding> findings) {
        std::ranges::move(findings, std::back_inserter(all_));
    }
    /// Whether the question could be answered.
    template <class Question>
    bool ask(const std::string& where, Question question) {
        try {
            question();
            return true;
        } catch (const std::exception& error) {
            add(Severity::error, where + ": " + error.what());
            return false;
        }
    }
    [[nodiscard]] const std::vector<Finding>& all() const { return all_; }
    [[nodiscard]] bool any_error() const {
        return std::ranges::any_of(
            all_, [](const Finding& finding) { return finding.severity == Severity::error; });
    }

private:
    std::vector<Finding> all_;
};

struct Checked {
    std::string pipeline;
    std::string text;  ///< what is there: "topic orders (4 partitions) → public.orders (5 columns)"
};

std::optional<Checked> check_pipeline(const config::Ingest& ingest, rd_kafka_t* client,
                                      Session* session, Findings& findings) {
    const std::string where = "ingest." + ingest.name;
    std::size_t partitions = 0;
    bool complete = client != nullptr && session != nullptr;
    if (client != nullptr) {
        complete &= findings.ask(
            where, [&] { partitions = kafka::partitions_of(*client, ingest.topic).size(); });
    }
    std::string table_text;
    if (session != nullptr) {
        complete &= findings.ask(where, [&] {
            const Table table = read_table(*session, ingest.table);
            const RowMapper mapper{ingest, table};
            findings.add(check_target(*session, ingest, table, mapper.columns()));
            table_text = table.schema + "." + table.name + " (" +
                         std::to_string(mapper.columns().size()) + " columns, COPY in " +
                         (mapper.form() == CopyForm::binary ? "binary" : "text") + ")";
        });
    }
    if (!complete) return std::nullopt;
    return Checked{ingest.name, "topic " + ingest.topic + " (" + std::to_string(partitions) +
                                    " partitions) → " + table_text};
}

const char* name_of(Severity severity) {
    switch (severity) {
        case Severity::hint:
            return "hint";
        case Severity::warning:
            return "warning";
        case Severity::error:
            break;
    }
    return "error";
}

void print_table(const std::vector<Checked>& checked, const Findings& findings) {
    for (const Checked& pipeline : checked) {
        std::cout << "ok       ingest." << pipeline.pipeline << ": " << pipeline.text << '\n';
    }
    for (const Finding& finding : findings.all()) {
        std::string severity = name_of(finding.severity);
        severity.resize(9, ' ');
        std::cout << severity << finding.text;
        if (!finding.remedy.empty()) std::cout << "; " << finding.remedy;
        std::cout << '\n';
    }
}

void print_json(const std::vector<Checked>& checked, const Findings& findings) {
    JsonWriter json;
    json.begin_object().key("pipelines").begin_array();
    for (const Checked& pipeline : checked) {
        json.begin_object();
        json.field("name", pipeline.pipeline).field("text", pipeline.text).end_object();
    }
    json.end_array().key("findings").begin_array();
    for (const Finding& finding : findings.all()) {
        json.begin_object().field("severity", name_of(finding.severity));
        json.field("text", finding.text).field("remedy", finding.remedy).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

}  // namespace

int check_configuration(const config::Config& config, const CommandLine& line) {
    Findings findings;
    kafka::ClientHandle client;
    const bool kafka_answers = findings.ask("[kafka]", [&] {
        client = kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "check");
        static_cast<void>(kafka::cluster_id(*client));
    });
    Session session{config.cloudberry.dsn.text, "sluice check"};
    const bool database_answers = findings.ask("[cloudberry]", [&] {
        session.open();
        findings.add(check_own_tables(session, config.cloudberry.schema));
    });
    std::vector<Checked> checked;
    for (const config::Ingest& ingest : config.ingest) {
        if (!line.names(ingest.name)) continue;
        if (auto found = check_pipeline(ingest, kafka_answers ? client.get() : nullptr,
                                        database_answers ? &session : nullptr, findings)) {
            checked.push_back(std::move(*found));
        }
    }
    if (line.output == CommandLine::Output::json) {
        print_json(checked, findings);
    } else {
        print_table(checked, findings);
    }
    return findings.any_error() ? found_something_wrong : fine;
}

}  // namespace sluice
