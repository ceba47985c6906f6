#include "config/text/words.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/peek/peek_mapping.h"
#include "daemon/commands/peek/peek_output.h"
#include "daemon/commands/peek/peek_request.h"
#include "daemon/commands/peek/readable_record.h"
#include "daemon/report/progress_line.h"
#include "kafka/client.h"
#include "pipeline/errors.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <thread>

namespace sluice {
namespace {

/// So many records in a row that are later than asked: what follows is hardly earlier.
constexpr int late_enough = 1000;

/// Shows what is wanted of what is read, and says when that is enough.
class Viewer {
public:
    using Next = kafka::TopicReader::Next;

    /// `mapping`, `readable`: at most one of them; neither: records are shown as they are.
    struct How {
        PeekMapping* mapping = nullptr;
        ReadableRecord* readable = nullptr;
    };
    Viewer(PeekRequest& request, PeekOutput& output, How how)
        : request_(request), output_(output), mapping_(how.mapping), readable_(how.readable) {}

    /// What it sees next.
    void look_at(std::vector<PeekPart> plan) {
        plan_ = std::move(plan);
        all_ += offsets_in(plan_);
        part_ = range_ = 0;
    }
    [[nodiscard]] bool has_enough() const { return shown_ == request_.limit; }
    /// What was shown is out.
    void pause() {
        progress_.clear();
        output_.finish();
    }
    [[nodiscard]] std::int64_t shown() const { return shown_; }

    Next on_record(const Record& record) {
        progress_.at(++seen_, all_);
        if (!request_.where || request_.where->matches(record)) {
            progress_.clear();
            if (mapping_ != nullptr) {
                mapping_->show(record, output_);
            } else if (readable_ != nullptr) {
                const Record readable = readable_->of(record);
                output_.show({.as = Peeked::As::raw, .record = readable});
            } else {
                output_.show({.as = Peeked::As::raw, .record = record});
            }
            ++shown_;
            if (has_enough()) return Next::nothing;
        }
        return is_late(record) ? Next::range : Next::record;
    }

    void finish() {
        pause();
        if (request_.limit_is_ours && has_enough()) {
            std::cerr << "the first " << shown_ << "; --limit N or --limit all shows more\n";
        }
        std::cerr << notes_;
        if (request_.where) std::cerr << request_.where->not_told();
        if (mapping_ != nullptr) std::cerr << mapping_->notes();
    }

private:
    /// Whether the range's end in time is behind us, as far as one can tell. Timestamps need not
    /// ascend, and one of them may be far off.
    bool is_late(const Record& record) {
        const query::ReadRange& range = range_of(record);
        if (record.timestamp_ms < range.to_ms) {
            late_in_a_row_ = 0;
            return false;
        }
        if (++late_in_a_row_ < late_enough) return false;
        late_in_a_row_ = 0;
        const std::string end = std::to_string(range.offsets.to);
        notes_ += name_of(*record.from) + ": " + std::to_string(late_enough) +
                  " records in a row up to offset " + std::to_string(record.offset) +
                  " are later than asked, so those behind were not read; to have them read, add: "
                  "offset < " +
                  end + "\n";
        return true;
    }

    const query::ReadRange& range_of(const Record& record) {
        const auto is_behind = [&] {
            return plan_[part_].partition != record.from->number ||
                   plan_[part_].topic != record.from->topic ||
                   plan_[part_].ranges[range_].offsets.to <= record.offset;
        };
        while (is_behind()) {
            late_in_a_row_ = 0;
            if (++range_ < plan_[part_].ranges.size()) continue;
            range_ = 0;
            ++part_;
        }
        return plan_[part_].ranges[range_];
    }

    PeekRequest& request_;
    std::vector<PeekPart> plan_;
    PeekOutput& output_;
    PeekMapping* const mapping_;
    ReadableRecord* const readable_;
    ProgressLine progress_{"peek " + config::to_string(request_.topics), "records"};
    std::int64_t all_ = 0;
    std::int64_t seen_ = 0;
    std::int64_t shown_ = 0;
    std::size_t part_ = 0;   // of plan_, that is being read
    std::size_t range_ = 0;  // of its ranges
    int late_in_a_row_ = 0;
    std::string notes_;
};

/// One for each topic, once it is needed.
class Readers {
public:
    Readers(const config::Kafka& kafka, std::int64_t most) : kafka_(kafka), most_(most) {}
    kafka::TopicReader& of(const std::string& topic) {
        return readers_.try_emplace(topic, kafka_, topic, most_).first->second;
    }

private:
    const config::Kafka& kafka_;
    const std::int64_t most_;
    std::map<std::string, kafka::TopicReader> readers_;
};

void read(Readers& readers, std::vector<PeekPart> parts, Viewer& viewer) {
    const auto wanted = parts_to_read(parts);
    viewer.look_at(std::move(parts));
    for (const auto& [topic, of_topic] : wanted) {
        if (viewer.has_enough()) return;
        readers.of(topic).read(of_topic,
                               [&](const Record& record) { return viewer.on_record(record); });
    }
}

/// Until the viewer has enough, or somebody ends the process: what it has shown is out by then.
void follow(const config::Config& config, rd_kafka_t& client, PeekRequest& request, PeekPlan plan,
            Viewer& viewer) {
    using namespace std::chrono_literals;
    constexpr std::int64_t at_once = 1000;
    constexpr auto between_two_looks = 300ms;
    Readers readers(config.kafka, at_once);
    while (!viewer.has_enough()) {
        std::this_thread::sleep_for(between_two_looks);
        request.wish.goes_on_at = std::move(plan.ends);
        plan = plan_peek(client, request.topics, request.wish);
        read(readers, std::move(plan.parts), viewer);
        viewer.pause();
    }
}

kafka::ClientHandle client_for_peeking(const config::Kafka& kafka) {
    return kafka::make_client(RD_KAFKA_CONSUMER,
                              kafka::make_conf(kafka, {{"isolation.level", "read_committed"}}),
                              "peek");
}

/// How many records were shown.
std::int64_t show(const config::Config& config, PeekRequest request) {
    std::optional<PeekMapping> mapping;
    if (!request.raw) mapping.emplace(config, *request.ingest, request.topic, request.registry);
    std::optional<ReadableRecord> readable;
    if (request.raw && !request.as_it_is && request.registry != nullptr)
        readable.emplace(request.registry);
    const kafka::ClientHandle client = client_for_peeking(config.kafka);
    PeekPlan plan = plan_peek(*client, request.topics, request.wish);
    PeekOutputOptions options{.form = request.output,
                              .to_terminal = ::isatty(STDOUT_FILENO) == 1,
                              .columns = std::nullopt};
    if (mapping) options.columns = mapping->columns();
    options.several_topics = request.topics.only() == nullptr;
    options.several_tables = mapping && mapping->has_several_tables();
    const auto output = make_peek_output(std::move(options), std::cout);
    Viewer viewer(request, *output,
                  {mapping ? &*mapping : nullptr, readable ? &*readable : nullptr});
    // A record that does not fulfil the condition does not count towards the limit.
    std::int64_t most = offsets_in(plan.parts);
    if (!request.wish.where) most = std::min(most, request.limit.value_or(most));
    Readers readers(config.kafka, most);
    read(readers, std::move(plan.parts), viewer);
    if (request.follows) {
        viewer.pause();
        follow(config, *client, request, std::move(plan), viewer);
    }
    viewer.finish();
    return viewer.shown();
}

/// Of tables by topic each has columns of its own: one is shown behind the other.
void show_topic_by_topic(const config::Config& config, const CommandLine& line,
                         const PeekRequest& all) {
    if (all.follows)
        throw WrongConfiguration(
            "--follow shows one topic, and each of this pipeline has a table of its own; peek "
            "--topic TOPIC --follow shows its records as they are");
    std::optional<std::int64_t> left = all.limit;
    std::vector<std::string> topics;
    {
        const kafka::ClientHandle client = client_for_peeking(config.kafka);
        for (const auto& [topic, parts] :
             parts_to_read(plan_peek(*client, all.topics, all.wish).parts))
            topics.push_back(topic);
    }
    for (const std::string& topic : topics) {
        if (left == 0) return;
        PeekRequest one = peek_request(config, line, &topic);
        one.limit = left;
        const std::int64_t shown = show(config, std::move(one));
        if (left) *left -= shown;
    }
}

}  // namespace

int peek(const config::Config& config, const CommandLine& line) {
    try {
        PeekRequest request = peek_request(config, line);
        if (!request.raw && request.ingest->routes() && !request.topic)
            show_topic_by_topic(config, line, request);
        else
            show(config, std::move(request));
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
