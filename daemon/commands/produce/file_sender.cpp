#include "daemon/commands/produce/file_sender.h"

#include "config/text/units.h"
#include "daemon/identity/host_name.h"
#include "daemon/report/progress_line.h"
#include "pipeline/errors.h"
#include "pipeline/values/utf8.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <stdexcept>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using kafka::Producer;
using kafka::TransactionError;

constexpr auto answer_patience = 60s;
/// What is asked for when nobody says; the first is what brokers permit unless told otherwise.
constexpr std::array<std::chrono::milliseconds, 3> transaction_timeouts = {15min, 5min, 1min};

/// A file that is produced again, after its first run was killed, ends the transaction that is
/// still open, which would hold up readers until it times out; the same path on another host is
/// another file. Streams have no name to know by.
std::string transactional_id(const ProduceRequest& request) {
    const std::string of = "sluice.produce." + request.topic + "." + host_name() + ":";
    if (request.file == "-") return of + std::to_string(::getpid());
    std::error_code ignored;
    return of + std::filesystem::absolute(request.file, ignored).string();
}

std::string lines(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " line" : " lines");
}

}  // namespace

FileSender::FileSender(const config::Kafka& kafka, const ProduceRequest& request,
                       const InputFile& file)
    : request_(request), file_(file), deliveries_(request.skip_lines) {
    if (request.transactional) {
        start_transaction(kafka);
    } else {
        producer_ =
            std::make_unique<Producer>(kafka, Producer::Options{.name = "produce"}, deliveries_);
    }
}

void FileSender::start_transaction(const config::Kafka& kafka) {
    std::vector<std::chrono::milliseconds> timeouts(transaction_timeouts.begin(),
                                                    transaction_timeouts.end());
    if (request_.transaction_timeout) timeouts = {*request_.transaction_timeout};
    std::optional<TransactionError> error;
    for (const auto timeout : timeouts) {
        transaction_timeout_ = timeout;
        producer_.reset();
        producer_ = std::make_unique<Producer>(
            kafka,
            Producer::Options{.name = "produce",
                              .transactional_id = transactional_id(request_),
                              .transaction_timeout = timeout},
            deliveries_);
        error = producer_->init_transactions(answer_patience);
        if (!error || error->code != RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT) break;
    }
    if (!error) error = producer_->begin_transaction();
    began_ = Clock::now();
    if (!error) return;
    if (error->code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT) {
        throw WrongConfiguration("the brokers permit no transaction of " +
                                 config::format_duration(transaction_timeout_) +
                                 "; lower --transaction-timeout, or raise "
                                 "transaction.max.timeout.ms of the brokers");
    }
    throw TroubleOfTheWorld("a transaction cannot begin: " + error->text);
}

Produced FileSender::run(RowReader& rows, produce::MessageBuilder& builder) {
    std::string problem;
    try {
        problem = send_all(rows, builder);
    } catch (const Interrupted&) {
        problem = "interrupted";
    } catch (const TroubleOfTheWorld& trouble) {
        problem = trouble.what();
    } catch (const std::length_error& error) {
        problem =
            request_.shown_file() + ": line " + std::to_string(lines_ + 1) + ": " + error.what();
    }
    return request_.transactional ? finish_transaction(problem) : finish(problem);
}

/// Columns count characters, from 1.
std::string FileSender::place(const InputRow& row, std::size_t position) const {
    std::int64_t line = row.line;
    std::size_t column = 1;
    for (const char c : row.text.substr(0, position)) {
        if (c == '\n') {
            ++line;
            column = 1;
        } else if (utf8::begins_character(c)) {
            ++column;
        }
    }
    return request_.shown_file() + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string FileSender::send_all(RowReader& rows, produce::MessageBuilder& builder) {
    ProgressLine progress("produce " + request_.topic, file_.size() ? "bytes" : "lines");
    Message message;
    using Outcome = produce::MessageBuilder::Outcome;
    while (const auto row = rows.next()) {
        const std::uint64_t line = lines_++;
        if (line < request_.skip_lines) continue;
        const Outcome outcome = builder.build(row->text, message);
        if (outcome == Outcome::problem) {
            --lines_;
            return place(*row, builder.problem().position) + ": " + builder.problem().text;
        }
        if (outcome == Outcome::nothing) {
            deliveries_.pass(line);
            continue;
        }
        deliveries_.count_sent();
        producer_->send(request_.topic, message, line);
        if (std::string why = obstacle(); !why.empty()) return why;
        if (file_.size()) {
            progress.at(static_cast<std::int64_t>(rows.bytes_read()), *file_.size());
        } else {
            progress.at(static_cast<std::int64_t>(lines_));
        }
    }
    return {};
}

std::string FileSender::obstacle() const {
    if (deliveries_.failed() > 0) return failure_text();
    if (InputFile::interrupted()) return "interrupted";
    if (request_.transactional) return too_slow();
    return {};
}

/// A little before the broker would say so, whose words are others.
std::string FileSender::too_slow() const {
    if (Clock::now() - began_ < transaction_timeout_ - transaction_timeout_ / 20) return {};
    return "the file takes longer than a transaction may, " +
           config::format_duration(transaction_timeout_) +
           "; raise --transaction-timeout (and transaction.max.timeout.ms of the brokers), split "
           "the file, or leave out --transactional";
}

std::string FileSender::failure_text() const {
    std::string text;
    for (const Deliveries::Failure& failure : deliveries_.failures()) {
        if (!text.empty()) text += '\n';
        text += request_.shown_file() + ": line " + std::to_string(failure.line + 1) + ": " +
                producer_->describe(failure.code);
    }
    if (deliveries_.failed() > deliveries_.failures().size()) {
        text += "\n… and " + lines(deliveries_.failed() - deliveries_.failures().size()) + " more";
    }
    return text;
}

/// Until all are told of: librdkafka gives up itself, after message.timeout.ms.
void FileSender::await_deliveries() {
    ProgressLine progress("produce " + request_.topic, "acknowledged");
    while (!producer_->flush(200ms)) {
        progress.at(static_cast<std::int64_t>(deliveries_.acknowledged()),
                    static_cast<std::int64_t>(deliveries_.sent()));
    }
}

Produced FileSender::finish(const std::string& problem) {
    await_deliveries();
    Produced produced{.messages = deliveries_.acknowledged(), .problem = problem};
    // Deliveries that failed meanwhile belong to it.
    if (deliveries_.failed() > 0) produced.problem = failure_text();
    if (!produced.problem.empty()) produced.problem += "\n" + how_to_go_on();
    return produced;
}

std::string FileSender::how_to_go_on() const {
    const std::uint64_t failed = deliveries_.failed();
    if (failed == 0 && deliveries_.acknowledged() == 0) return "nothing is delivered";
    if (failed == 0) {
        const std::string skip = std::to_string(lines_);
        return lines(deliveries_.acknowledged()) + " before it are delivered; go on with " +
               "--skip-lines " + skip;
    }
    const std::string most = std::to_string(deliveries_.acknowledged()) + " of " +
                             lines(deliveries_.sent()) + " sent are delivered";
    if (failed <= Deliveries::most_failures) {
        return most +
               ", all but those named here; produce these by themselves, and go on with "
               "--skip-lines " +
               std::to_string(lines_);
    }
    const std::uint64_t from = deliveries_.complete();
    return most + ", the first " + std::to_string(from) +
           " of the file without a gap; --skip-lines " + std::to_string(from) +
           " goes on there, and sends again what is delivered behind that";
}

Produced FileSender::finish_transaction(const std::string& problem) {
    Produced produced{.problem = problem};
    if (problem.empty()) {
        produced.problem = commit();
        if (produced.problem.empty()) produced.messages = deliveries_.acknowledged();
        return produced;
    }
    const auto error = producer_->abort_transaction(answer_patience);
    produced.problem += error ? "\nthe transaction cannot be aborted (" + error->text +
                                    "), and ends by itself within " +
                                    config::format_duration(transaction_timeout_) +
                                    "; nothing of it will be seen"
                              : "\nthe transaction is aborted: nothing is delivered";
    return produced;
}

/// Empty, or what became of it instead.
std::string FileSender::commit() {
    std::optional<TransactionError> error;
    {
        ProgressLine progress("produce " + request_.topic + ": commit", "acknowledged");
        do {
            error = producer_->commit_transaction(1s);
            progress.at(static_cast<std::int64_t>(deliveries_.acknowledged()),
                        static_cast<std::int64_t>(deliveries_.sent()));
        } while (error && error->kind == TransactionError::Kind::again &&
                 Clock::now() - began_ < transaction_timeout_ + answer_patience);
    }
    if (!error) return {};
    std::string text = deliveries_.failed() > 0 ? failure_text() : error->text;
    const std::string slow = too_slow();
    // A commit whose answer was lost is fatal, too, where a later question meets its end.
    if (error->kind == TransactionError::Kind::again ||
        (error->kind == TransactionError::Kind::fatal && slow.empty())) {
        return text +
               "\nthe brokers do not answer whether the transaction is committed: look "
               "into the topic before producing this file again";
    }
    if (!slow.empty()) text = slow;
    if (error->kind == TransactionError::Kind::abort) {
        static_cast<void>(producer_->abort_transaction(answer_patience));
    }
    return text + "\nthe transaction is aborted: nothing is delivered";
}

}  // namespace sluice
