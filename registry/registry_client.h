#pragma once

#include "pipeline/decode/schema_source.h"
#include "registry/answers.h"
#include "registry/http_get.h"
#include "registry/registry_metrics.h"

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::registry {

/// Schemas from a registry with Confluent's API, or Apicurio's for its own ids, kept for ever: an
/// id never changes its meaning. Shared by the lanes of all pipelines: from any thread. A schema
/// that is there already is found at once; one that is not is asked for once, and whoever else
/// needs it waits along.
class RegistryClient : public SchemaSource {
public:
    /// Throws WrongConfiguration. Asks nobody yet.
    explicit RegistryClient(const config::Registry& registry, RegistryMetrics metrics = {});
    ~RegistryClient() override;

    [[nodiscard]] std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override;

    /// The latest version of a subject: "orders-value".
    struct Latest {
        std::int64_t version = 0;
        schemas::SchemaText schema;
    };
    /// nullopt: there is no such subject. Throws TroubleOfTheWorld. Never kept.
    [[nodiscard]] std::optional<Latest> latest(const std::string& subject);

private:
    using Found = std::shared_ptr<const schemas::SchemaText>;
    using Clock = std::chrono::steady_clock;
    struct Known {
        Found schema;  ///< null: unknown, for a while
        Clock::time_point at;
    };

    /// Both with mutex_ held.
    [[nodiscard]] const Known* known(const SchemaId& id) const;
    void keep(const SchemaId& id, const Found& schema);

    [[nodiscard]] Found fetch(const SchemaId& id);
    [[nodiscard]] SchemaAnswer fetch_confluent(const std::string& path);
    [[nodiscard]] SchemaAnswer fetch_apicurio(const std::string& path);
    using Fetch = SchemaAnswer (RegistryClient::*)(const std::string&);
    void add_references(const std::vector<Whereabouts>& references, Fetch fetch_one,
                        std::vector<Whereabouts>& seen, std::vector<schemas::NamedSchema>& to);
    /// The body; asks one server after the other, beginning with the latest that answered. Throws
    /// TroubleOfTheWorld, or Unknown when all of them answer so.
    [[nodiscard]] std::string get(const std::string& path, bool of_apicurio);
    [[nodiscard]] std::string trouble_with(const HttpAnswer& answer) const;

    const bool has_credentials_;
    const std::vector<config::Url> servers_;
    const HttpGet http_;
    std::atomic<std::size_t> server_ = 0;  // the latest that answered
    RegistryMetrics metrics_;

    mutable std::mutex mutex_;  // guards what is below
    std::map<SchemaId, Known> schemas_;
    std::map<SchemaId, std::shared_future<Found>> under_way_;
};

/// Null: none is configured. Throws WrongConfiguration.
[[nodiscard]] std::shared_ptr<RegistryClient> client_of(const config::Registry& registry);

}  // namespace sluice::registry
