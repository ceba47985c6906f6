#include "daemon/verify_outbox.h"

#include "kafka/client.h"
#include "kafka/marks.h"
#include "kafka/topic.h"
#include "kafka/topic_reader.h"

#include <algorithm>
#include <map>
#include <span>

namespace sluice {
namespace {

constexpr std::size_t some = 5;

/// The header that holds the row's id, without which a message cannot be told to be that row's.
std::optional<std::string> id_header(const config::Outbox& outbox) {
    const auto found =
        std::ranges::find(outbox.headers, outbox.columns.id, &config::HeaderFromColumn::column);
    if (found == outbox.headers.end()) return std::nullopt;
    return found->header;
}

/// Whether rows can have led to this topic: a column can have held anything.
bool can_be(std::string_view name, std::span<const config::TopicPiece> pieces) {
    if (pieces.empty()) return name.empty();
    const config::TopicPiece& first = pieces.front();
    if (first.kind == config::TopicPiece::Kind::text) {
        return name.starts_with(first.text) &&
               can_be(name.substr(first.text.size()), pieces.subspan(1));
    }
    for (std::size_t held = 1; held <= name.size(); ++held) {
        if (can_be(name.substr(held), pieces.subspan(1))) return true;
    }
    return false;
}

/// How often each of these ids is in the topics that the configuration can mean.
void count_in_topics(const config::Config& config, const config::Outbox& outbox,
                     const std::string& header, std::map<std::string, std::int64_t>& sent) {
    kafka::ClientHandle client =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "verify");
    for (const std::string& topic : kafka::all_topics(*client)) {
        if (!can_be(topic, outbox.topic)) continue;
        kafka::TopicReader reader(config.kafka, topic, 1 << 20);
        std::vector<kafka::TopicPart> parts;
        for (const PartitionId partition : kafka::partitions_of(reader.client(), topic)) {
            const OffsetRange all = kafka::available_offsets(reader.client(), topic, partition);
            if (all.size() > 0) parts.push_back({partition, {all}});
        }
        reader.read(parts, [&](const Record& record) {
            for (const Header& found : record.headers) {
                if (found.name != header || !found.value) continue;
                const auto id = sent.find(std::string(*found.value));
                if (id != sent.end()) ++id->second;
            }
            return kafka::TopicReader::Next::record;
        });
    }
}

VerifiedOutbox::ReadBack compare(const std::map<std::string, std::int64_t>& found) {
    VerifiedOutbox::ReadBack compared;
    for (const auto& [id, times] : found) {
        if (times == 1) ++compared.once;
        if (times == 0) compared.missing.push_back(id);
        if (times > 1) compared.doubled.push_back(id);
    }
    return compared;
}

std::string listed(const std::vector<std::string>& ids) {
    std::string text = std::to_string(ids.size()) + " (";
    for (std::size_t i = 0; i < std::min(ids.size(), some); ++i) text += (i ? ", " : "") + ids[i];
    return text + (ids.size() > some ? ", …)" : ")");
}

void judge(VerifiedOutbox& verified) {
    auto& problems = verified.problems;
    if (!verified.books.claimed_twice.empty()) {
        problems.push_back("claimed twice: " + listed(verified.books.claimed_twice));
    }
    if (verified.books.last > 0 && !verified.mark) {
        problems.emplace_back("batches were claimed, but there is no mark in Kafka");
    }
    if (verified.mark && *verified.mark > verified.books.last) {
        problems.push_back("batch " + std::to_string(*verified.mark) +
                           " was sent, but the books end at " +
                           std::to_string(verified.books.last));
    }
    if (!verified.read_back) return;
    if (!verified.read_back->missing.empty()) {
        problems.push_back("sent, and not in the topic: " + listed(verified.read_back->missing));
    }
    if (!verified.read_back->doubled.empty()) {
        problems.push_back("more than once in the topic: " + listed(verified.read_back->doubled));
    }
}

}  // namespace

VerifiedOutbox verify_outbox(Session& session, const config::Config& config,
                             const config::Outbox& outbox) {
    const RelayIdentity identity{
        .schema = config.cloudberry.schema, .relay = outbox.name, .writer = "", .revision = ""};
    VerifiedOutbox verified;
    verified.pipeline = outbox.name;
    // The mark first: what is claimed after it is not said to be sent.
    if (const auto origin = read_origin(session, identity)) {
        verified.mark = kafka::read_mark(config.kafka, outbox.marks_topic,
                                         transactional_id(identity, *origin));
    }
    verified.books = read_books(session, identity, read_outbox_table(session, outbox));
    std::map<std::string, std::int64_t> sent;
    for (const auto& [id, claim] : verified.books.claims) {
        if (claim.batch <= verified.mark.value_or(0) && !claim.refused) sent.emplace(id, 0);
    }
    verified.sent = static_cast<std::int64_t>(sent.size());
    const auto header = id_header(outbox);
    const bool says_something = std::ranges::any_of(outbox.topic, [](const auto& piece) {
        return piece.kind == config::TopicPiece::Kind::text;
    });
    if (!says_something) {
        verified.not_compared = "any topic can be that of a row";
    } else if (!header) {
        verified.not_compared =
            "no header holds the id; add headers = { id = \"" + outbox.columns.id + "\" }";
    } else {
        count_in_topics(config, outbox, *header, sent);
        verified.read_back = compare(sent);
    }
    judge(verified);
    return verified;
}

}  // namespace sluice
