#pragma once

#include "daemon/tables/topic_write.h"
#include "segments/service.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace sluice {

/// Topics as tables that SQL writes to: what writable external tables bring that `sluice sql
/// --writable` has made, for topics that the configuration names. The segments of one statement
/// share one TopicWrite, which is kept for as long as a segment may still come back to it.
class WritableTables : public segments::Service {
public:
    explicit WritableTables(metrics::Registry& metrics) : metrics_(metrics) {}

    /// Of statements from now on. From any thread.
    void adopt(const config::Config& config);

    [[nodiscard]] std::variant<std::unique_ptr<segments::Reading>, segments::Refusal> begin(
        const segments::Request& request) override;
    [[nodiscard]] std::variant<std::unique_ptr<segments::Writing>, segments::Refusal> begin_writing(
        const segments::Request& request) override;

private:
    class Part;

    [[nodiscard]] std::shared_ptr<const config::Config> config() const;
    [[nodiscard]] std::variant<TopicWrite::Order, segments::Refusal> order_of(
        const segments::Request& request, const std::string& topic) const;
    [[nodiscard]] std::shared_ptr<WriteCounts> counts_of(const std::string& topic);
    [[nodiscard]] std::size_t under_way() const;
    void forget_old(std::chrono::milliseconds age);

    metrics::Registry& metrics_;
    mutable std::mutex mutex_;  // guards the next two
    std::shared_ptr<const config::Config> config_;
    std::map<std::string, std::shared_ptr<WriteCounts>> counts_;  ///< by topic
    /// By path, query and what segments say of their statement. Of the server's thread.
    std::map<std::string, std::shared_ptr<TopicWrite>> writes_;
};

}  // namespace sluice
