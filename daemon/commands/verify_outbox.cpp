#include "daemon/commands/verify_outbox.h"

#include "daemon/admin/outbox_mark.h"
#include "kafka/client.h"
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

/// What is known of an id.
struct SentId {
    std::int64_t claims = 0;    ///< that were sent
    std::int64_t since_ms = 0;  ///< no message of these claims is older
    std::int64_t found = 0;     ///< messages
    std::int64_t recent = 0;    ///< of these, not older: the others are of claims before the books
};
using SentIds = std::map<std::string, SentId>;

/// The clocks of the database and of the relay differ by less.
constexpr std::int64_t clock_error_ms = 10000;

SentIds sent_ids(const OutboxBooks& books, BatchNumber mark, const config::Outbox& outbox) {
    SentIds sent;
    for (const auto& [id, claim] : books.claims) {
        if (claim.batch > mark || claim.refused) continue;
        SentId& of = sent[id];
        // A message whose time is the row's may be of any age.
        if (of.claims++ == 0 && outbox.columns.timestamp.value_or("").empty()) {
            of.since_ms = claim.made_at_ms - clock_error_ms;
        }
    }
    return sent;
}

/// Whether rows can have led to this topic: a column can have held anything.
bool can_be(std::string_view name, std::span<const config::TopicPiece> pieces) {
    if (pieces.empty()) return name.empty();
    const config::TopicPiece& first = pieces.front();
    if (first.kind == config::TopicPiece::Kind::text) {
        return name.starts_with(first.text) &&
               can_be(name.substr(first.text.size()), pieces.subspan(1));
    }
    // An empty one too: "x." is a topic of "x.${kind}".
    for (std::size_t held = 0; held <= name.size(); ++held) {
        if (can_be(name.substr(held), pieces.subspan(1))) return true;
    }
    return false;
}

/// How often each of these ids is in the topics that the configuration can mean.
void count_in_topics(const config::Config& config, const config::Outbox& outbox,
                     const std::string& header, SentIds& sent) {
    kafka::ClientHandle client =
        kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {}), "verify");
    for (const std::string& topic : kafka::all_topics(*client)) {
        if (!can_be(topic, outbox.topic)) continue;
        kafka::TopicReader reader(config.kafka, topic, 1 << 20);
        std::vector<kafka::TopicPart> parts;
        for (const PartitionNumber partition : kafka::partitions_of(reader.client(), topic)) {
            const OffsetRange all = kafka::available_offsets(reader.client(), topic, partition);
            if (all.size() > 0) parts.push_back({partition, {all}});
        }
        reader.read(parts, [&](const Record& record) {
            for (const Header& found : record.headers) {
                if (found.name != header || !found.value) continue;
                const auto id = sent.find(std::string(*found.value));
                if (id == sent.end()) continue;
                ++id->second.found;
                if (record.timestamp_ms < 0 || record.timestamp_ms >= id->second.since_ms) {
                    ++id->second.recent;
                }
            }
            return kafka::TopicReader::Next::record;
        });
    }
}

VerifiedOutbox::ReadBack compare(const SentIds& ids) {
    VerifiedOutbox::ReadBack compared;
    for (const auto& [id, sent] : ids) {
        if (sent.found < sent.claims) {
            compared.missing.push_back(id);
        } else if (sent.recent > sent.claims) {
            compared.doubled.push_back(id);
        } else {
            compared.once += sent.claims;
        }
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
    verified.mark = mark_of(session, config, outbox);
    verified.books = read_books(session, identity, read_outbox_table(session, outbox));
    SentIds sent = sent_ids(verified.books, verified.mark.value_or(0), outbox);
    for (const auto& [id, of] : sent) verified.sent += of.claims;
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
