#pragma once

#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/errors.h"

#include <atomic>
#include <map>
#include <memory>

namespace sluice::fakes {

/// Has the schemas that a test gives it before anyone asks, and may be away.
class FakeRegistry : public SchemaSource {
public:
    std::map<SchemaId, schemas::SchemaText> schemas;
    std::atomic<bool> is_away = false;
    std::atomic<int> asked = 0;

    std::shared_ptr<const schemas::SchemaText> find(const SchemaId& id) override {
        ++asked;
        if (is_away) throw TroubleOfTheWorld("the registry is away");
        const auto found = schemas.find(id);
        if (found == schemas.end()) return nullptr;
        return std::make_shared<schemas::SchemaText>(found->second);
    }
};

/// What Confluent's clients write before their bytes.
inline SchemaId confluent(std::uint64_t number) {
    return {SchemaId::Kind::id, number, {}};
}

}  // namespace sluice::fakes
