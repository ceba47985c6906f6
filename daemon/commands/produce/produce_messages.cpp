#include "config/column_source.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/produce/deliveries.h"
#include "daemon/commands/produce/file_sender.h"
#include "daemon/commands/produce/input_file.h"
#include "daemon/commands/produce/produce_request.h"
#include "daemon/commands/produce/produce_schema.h"
#include "daemon/report/logging.h"
#include "daemon/report/report.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "produce/message_builder.h"
#include "produce/row_reader.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/session.h"

#include <iostream>

namespace sluice {
namespace {

using produce::Input;
using produce::MessagePlan;

/// The names that a CSV file's first line gives its columns.
std::vector<std::string> read_header(RowReader& rows, const ProduceRequest& request) {
    const auto row = rows.next();
    if (!row) {
        throw WrongConfiguration(request.shown_file() +
                                 ": empty; its first line names the columns, or --columns does");
    }
    CsvSplitter splitter(request.csv);
    std::vector<Value> fields;
    Scratch scratch;
    if (!splitter.split(row->text, fields, scratch)) {
        throw WrongConfiguration(request.shown_file() +
                                 ":1: the header is not valid CSV: " + splitter.error().what);
    }
    std::vector<std::string> names;
    for (const Value& field : fields) {
        if (field.text.empty()) {
            throw WrongConfiguration(request.shown_file() +
                                     ":1: a column has no name; is this the header? --columns "
                                     "names the columns of a file without one");
        }
        names.emplace_back(field.text);
    }
    return names;
}

/// What the pipeline would not read as a key, nobody writes for it by mistake.
MessagePlan with_readable_key(MessagePlan plan, const config::Ingest* pipeline) {
    if (pipeline == nullptr || pipeline->key_format == config::Format::json ||
        (!plan.key && plan.key_fields.empty()))
        return plan;
    throw WrongConfiguration("[ingest." + pipeline->name + "] reads keys as " +
                             std::string(config::name_of(pipeline->key_format)) +
                             ", which produce does not write; leave the key out, or name the topic "
                             "with --topic");
}

MessagePlan plan_of(const config::Config& config, const ProduceRequest& request, RowReader& rows) {
    if (request.input != Input::csv) {
        MessagePlan plan = with_readable_key(produce::plan_lines(request.input, request.choices),
                                             request.pipeline);
        plan.objects_only |= request.input == Input::json && request.pipeline != nullptr &&
                             request.pipeline->format == config::Format::json;
        return plan;
    }
    const auto columns = request.columns.empty() ? read_header(rows, request) : request.columns;
    if (request.pipeline == nullptr) {
        return produce::plan_csv(columns, request.csv, request.choices);
    }
    // Types say how a column stands in JSON, and which column a field of CSV is.
    Session session{config.cloudberry.dsn.text, "sluice produce"};
    const Table table = read_table(session, request.pipeline->table);
    return with_readable_key(
        produce::plan_csv_for(*request.pipeline, plan_columns(*request.pipeline, table), columns,
                              request.csv, request.choices),
        request.pipeline);
}

int partition_count(const config::Kafka& kafka, const std::string& topic) {
    // A consumer asks: a producer's question would create the topic where brokers permit that.
    const auto client =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(kafka, {}), "produce");
    return static_cast<int>(kafka::partitions_of(*client, topic).size());
}

void print(const CommandLine& line, const ProduceRequest& request, std::uint64_t messages) {
    if (line.output == CommandLine::Output::json) {
        JsonWriter json;
        json.begin_object().field("topic", request.topic);
        json.field("messages", static_cast<long long>(messages));
        json.field("transactional", request.transactional).end_object();
        std::cout << json.text() << '\n';
        return;
    }
    std::cout << request.shown_file() << ": " << messages
              << (messages == 1 ? " message" : " messages") << " to topic " << request.topic
              << (request.transactional ? ", in one transaction" : "") << '\n';
}

}  // namespace

int produce_messages(const config::Config& config, const CommandLine& line) {
    config::Daemon quiet = config.daemon;
    quiet.log_level = "error";
    set_up_logging(quiet);
    try {
        const ProduceRequest request = read_produce_request(config, line);
        InputFile file(request.file);  // before anybody is asked: it may not be there
        const int partitions = partition_count(config.kafka, request.topic);
        RowReader rows([&file](char* to, std::size_t size) { return file.read(to, size); },
                       request.input == Input::csv ? RowReader::Form::csv : RowReader::Form::lines,
                       request.csv);
        auto encoder = encoder_for(request, config);
        produce::MessageBuilder builder(plan_of(config, request, rows), partitions,
                                        std::move(encoder));
        FileSender sender(config.kafka, request, file);
        const Produced produced = sender.run(rows, builder);
        if (!produced.problem.empty()) {
            std::cerr << produced.problem << '\n';
            return found_something_wrong;
        }
        print(line, request, produced.messages);
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
