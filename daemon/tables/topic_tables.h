#pragma once

#include "daemon/tables/topic_scan.h"
#include "registry/shared_registry.h"
#include "segments/service.h"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

namespace sluice {

/// Topics as tables in SQL: what external tables read that `sluice sql` has made. The segments of
/// one statement share one look at the topic. A look that has ended is remembered for as long as
/// its statement may last, so that a segment that comes late gets nothing, and not all of it again;
/// for a day behind that one is refused.
class TopicTables : public segments::Service {
public:
    TopicTables(metrics::Registry& metrics, registry::SharedRegistry& schemas)
        : metrics_(metrics), schemas_(schemas) {}

    /// Of statements from now on. From any thread.
    void adopt(const config::Config& config);

    [[nodiscard]] std::variant<std::unique_ptr<segments::Reading>, segments::Refusal> begin(
        const segments::Request& request) override;

private:
    class Part;

    [[nodiscard]] std::shared_ptr<TopicCounts> counts_of(const std::string& pipeline);
    /// A new look; or why there is none.
    [[nodiscard]] std::variant<std::shared_ptr<TopicScan>, segments::Refusal> look(
        const segments::Request& request, TopicOrder order, const config::Ingest& ingest);
    [[nodiscard]] std::size_t under_way() const;
    void forget_old(std::chrono::milliseconds age);

    metrics::Registry& metrics_;
    registry::SharedRegistry& schemas_;
    std::mutex mutex_;  // guards the next two
    std::shared_ptr<const config::Config> config_;
    std::map<std::string, std::shared_ptr<TopicCounts>> counts_;
    /// By path, query and what segments say of their statement. Of the server's thread, as all
    /// that follows.
    std::map<std::string, std::shared_ptr<TopicScan>> scans_;
    /// Hashes of the keys of those that were forgotten, the oldest first.
    std::deque<std::pair<TopicScan::Clock::time_point, std::size_t>> forgotten_;
    std::unordered_multiset<std::size_t> are_forgotten_;
};

}  // namespace sluice
