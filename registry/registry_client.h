#pragma once

#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/encode/subject_source.h"
#include "registry/answers.h"
#include "registry/http_client.h"
#include "registry/registry_metrics.h"

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace sluice::registry {

/// Schemas from a registry with Confluent's API, or Apicurio's for its own ids, kept for ever: an
/// id never changes its meaning. Shared by the lanes of all pipelines: from any thread. A schema
/// that is there already is found at once; one that is not is asked for once, and whoever else
/// needs it waits along. Whatever is asked has an answer, or none, within the timeout of
/// [registry], with all that it refers to.
class RegistryClient : public SchemaSource, public SubjectSource {
public:
    /// Throws WrongConfiguration. Asks nobody yet.
    explicit RegistryClient(const config::Registry& registry, RegistryMetrics metrics = {});
    ~RegistryClient() override;

    [[nodiscard]] std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override {
        return find(id, {});
    }
    /// Throws TroubleOfTheWorld also when it is to stop.
    [[nodiscard]] std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id,
                                                                  std::stop_token stop);

    /// None of these is kept. Each throws TroubleOfTheWorld.
    [[nodiscard]] std::optional<SubjectSchema> latest(const std::string& subject) override {
        return latest(subject, {});
    }
    /// Throws TroubleOfTheWorld also when it is to stop.
    [[nodiscard]] std::optional<SubjectSchema> latest(const std::string& subject,
                                                      std::stop_token stop);
    /// nullopt: there is no such subject, or no such version of it.
    [[nodiscard]] std::optional<SubjectSchema> version(const std::string& subject,
                                                       std::int64_t version);
    /// The id that a schema has under a subject; nullopt: it is not there. It refers to no other.
    [[nodiscard]] std::optional<std::uint32_t> id_of(const std::string& subject,
                                                     const schemas::SchemaText& schema);
    /// As id_of(), after making it the subject's latest version where it is not there. Throws
    /// WrongConfiguration where the registry does not take it.
    [[nodiscard]] std::uint32_t add(const std::string& subject, const schemas::SchemaText& schema);

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

    [[nodiscard]] Patience patience(std::stop_token stop = {}) const;
    [[nodiscard]] Found fetch(const SchemaId& id, const Patience& patience);
    [[nodiscard]] SchemaAnswer fetch_confluent(const std::string& path, const Patience& patience);
    [[nodiscard]] SchemaAnswer fetch_apicurio(const std::string& path, const Patience& patience);
    struct Fetch {
        SchemaAnswer (RegistryClient::*one)(const std::string&, const Patience&);
        const Patience& patience;
    };
    /// All that it refers to.
    [[nodiscard]] schemas::SchemaText whole(SchemaAnswer answer, const Fetch& fetch);
    void add_references(const std::vector<Whereabouts>& references, const Fetch& fetch,
                        std::set<std::string>& seen, schemas::SchemaText& to);
    [[nodiscard]] std::optional<SubjectSchema> fetch_version(const std::string& path,
                                                             std::stop_token stop = {});
    /// What is asked of a server.
    struct Question {
        std::string path;
        bool of_apicurio = false;
        std::string json{};  ///< to be sent there; empty: it is only looked up
    };
    /// The body; asks one server after the other, beginning with the latest that answered, each
    /// with its share of the patience. Throws TroubleOfTheWorld, or Unknown when all of them answer
    /// so, or WrongConfiguration when what was sent is refused.
    [[nodiscard]] std::string ask(const Question& question, const Patience& patience);
    [[nodiscard]] std::string trouble_with(const HttpAnswer& answer) const;

    const bool has_credentials_;
    const std::vector<config::Url> servers_;
    const HttpClient http_;
    const std::chrono::milliseconds timeout_;
    std::atomic<std::size_t> server_ = 0;  // the latest that answered
    RegistryMetrics metrics_;

    mutable std::mutex mutex_;  // guards what is below
    std::map<SchemaId, Known> schemas_;
    std::map<SchemaId, std::shared_future<Found>> under_way_;
};

/// The registry as one pipeline sees it: whoever waits for it is let go when that is to stop. From
/// any thread.
class StoppableRegistry final : public SchemaSource, public SubjectSource {
public:
    StoppableRegistry(std::shared_ptr<RegistryClient> registry, std::stop_token stop)
        : registry_(std::move(registry)), stop_(std::move(stop)) {}

    [[nodiscard]] std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override {
        return registry_->find(id, stop_);
    }
    [[nodiscard]] std::optional<SubjectSchema> latest(const std::string& subject) override {
        return registry_->latest(subject, stop_);
    }

private:
    const std::shared_ptr<RegistryClient> registry_;
    const std::stop_token stop_;
};

/// Null: none is configured. Throws WrongConfiguration.
[[nodiscard]] std::shared_ptr<RegistryClient> client_of(const config::Registry& registry);

}  // namespace sluice::registry
