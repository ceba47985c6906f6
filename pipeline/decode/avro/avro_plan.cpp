#include "pipeline/decode/avro/avro_plan.h"

#include "config/column_source.h"
#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <optional>

namespace sluice {

namespace {

using schemas::AvroSchema;
using schemas::AvroType;
using AvroKind = AvroType::Kind;
using Form = AvroScalar::Form;
using Step = AvroStep::Kind;

/// What is wanted of a value: itself, and parts of it.
struct Wish {
    std::string key;
    std::vector<std::uint32_t> slots;
    std::vector<Wish> parts;

    [[nodiscard]] bool is_empty() const { return slots.empty() && parts.empty(); }
    [[nodiscard]] const Wish* part(std::string_view name) const {
        const auto found = std::find_if(parts.begin(), parts.end(),
                                        [name](const Wish& wish) { return wish.key == name; });
        return found == parts.end() ? nullptr : &*found;
    }
};

Wish wish_for(std::span<const WantedField> wanted) {
    Wish whole;
    for (const WantedField& field : wanted) {
        Wish* at = &whole;
        for (const std::string& token : field.source.path) {
            auto part = std::find_if(at->parts.begin(), at->parts.end(),
                                     [&token](const Wish& wish) { return wish.key == token; });
            if (part == at->parts.end()) part = at->parts.insert(part, Wish{token, {}, {}});
            at = &*part;
        }
        at->slots.push_back(static_cast<std::uint32_t>(field.slot));
    }
    return whole;
}

void collect_slots(const Wish& wish, std::vector<std::uint32_t>& to) {
    if (!wish.slots.empty()) to.push_back(wish.slots[0]);
    for (const Wish& part : wish.parts) collect_slots(part, to);
}

class Planning {
public:
    explicit Planning(AvroPlan& plan) : plan_(plan), schema_(*plan.schema) {}

    void plan(const Wish& whole) {
        value(schema_.root, whole);
        add(Step::end);
        copy(whole);
    }

private:
    std::uint32_t here() const { return static_cast<std::uint32_t>(plan_.steps.size()); }

    std::uint32_t add(Step kind, std::uint32_t what = 0, std::uint32_t slot = AvroStep::nowhere,
                      std::uint64_t size = 0) {
        plan_.steps.push_back({kind, slot, what, size});
        plan_.paths.push_back(path_);
        return here() - 1;
    }

    void copy(const Wish& wish) {
        for (std::size_t i = 1; i < wish.slots.size(); ++i)
            plan_.copies.emplace_back(wish.slots[0], wish.slots[i]);
        for (const Wish& part : wish.parts) copy(part);
    }

    void value(std::uint32_t type, const Wish* wish) {
        if (wish == nullptr || wish->is_empty()) {
            skip(type);
        } else {
            value(type, *wish);
        }
    }

    void value(std::uint32_t type, const Wish& wish) {
        const AvroType& what = schema_.of(type);
        if (what.kind == AvroKind::choice) return choice(type, wish);
        const bool is_scalar = plan_.scalars[type].form != Form::none;
        if (!wish.slots.empty() && (is_scalar || wish.parts.empty())) {
            add(is_scalar ? Step::read : Step::render, type, wish.slots[0]);
            return;
        }
        if (!wish.slots.empty()) add(Step::render_ahead, type, wish.slots[0]);
        switch (what.kind) {
            case AvroKind::record:
                return record(what, wish);
            case AvroKind::map:
            case AvroKind::array:
                return search(what, wish);
            default:
                return skip(type);  // a path leads into what has no parts
        }
    }

    void skip(std::uint32_t type) {
        switch (schema_.of(type).kind) {
            case AvroKind::int32:
            case AvroKind::int64:
            case AvroKind::enumeration:
                add(Step::skip_number);
                return;
            case AvroKind::bytes:
            case AvroKind::string:
                add(Step::skip_sized);
                return;
            case AvroKind::fixed:
                return skip_fixed(schema_.of(type).size);
            case AvroKind::float32:
                return skip_fixed(4);
            case AvroKind::float64:
                return skip_fixed(8);
            default:
                if (!schema_.of(type).is_empty) add(Step::skip, type);
        }
    }
    void skip_fixed(std::uint64_t size) { add(Step::skip_fixed, 0, AvroStep::nowhere, size); }

    void record(const AvroType& type, const Wish& wish) {
        std::vector<Reason> extras;
        for (const std::string& name : type.names) {
            if (wish.part(name) != nullptr) continue;
            extras.push_back({"", "field " + excerpt(name) + " is not taken by any column"});
        }
        if (!extras.empty()) {
            add(Step::tell_extra, static_cast<std::uint32_t>(plan_.extras.size()));
            plan_.extras.push_back(std::move(extras));
        }
        for (std::size_t i = 0; i < type.contents.size(); ++i) {
            const std::size_t outer = path_.size();
            path_.append("/").append(type.names[i]);
            value(type.contents[i], wish.part(type.names[i]));
            path_.resize(outer);
        }
    }

    void choice(std::uint32_t type, const Wish& wish) {
        const auto& branches = schema_.of(type).contents;
        const auto is_null = [this](std::uint32_t branch) {
            return schema_.of(branch).kind == AvroKind::null;
        };
        if (branches.size() == 2 && is_null(branches[0]) != is_null(branches[1])) {
            const std::size_t null = is_null(branches[0]) ? 0 : 1;
            const auto slot = wish.slots.empty() ? AvroStep::nowhere : wish.slots[0];
            const std::uint32_t step = add(Step::optional, 0, slot, null);
            value(branches[1 - null], wish);
            plan_.steps[step].what = here();
            return;
        }
        const auto index = static_cast<std::uint32_t>(plan_.choices.size());
        plan_.choices.emplace_back();
        add(Step::choose, index);
        std::vector<std::uint32_t> exits;
        for (const std::uint32_t branch : branches) {
            plan_.choices[index].push_back(here());
            value(branch, wish);
            exits.push_back(add(Step::go));
        }
        for (const std::uint32_t exit : exits) plan_.steps[exit].what = here();
    }

    void search(const AvroType& type, const Wish& wish) {
        const bool is_map = type.kind == AvroKind::map;
        const auto index = static_cast<std::uint32_t>(plan_.searches.size());
        plan_.searches.emplace_back().of_type = type.contents[0];
        add(is_map ? Step::find_in_map : Step::find_in_array, index);
        for (const Wish& part : wish.parts) {
            const auto element = config::element_of(part.key);
            if (!is_map && !element) continue;
            AvroPlan::Wanted wanted{part.key, element.value_or(0), here(), {}};
            collect_slots(part, wanted.slots);
            const std::size_t outer = path_.size();
            path_.append("/").append(part.key);
            value(type.contents[0], part);
            add(Step::end);
            path_.resize(outer);
            plan_.searches[index].wanted.push_back(std::move(wanted));
        }
        plan_.searches[index].behind = here();
    }

    AvroPlan& plan_;
    const AvroSchema& schema_;
    std::string path_;
};

}  // namespace

AvroPlan::AvroPlan(std::shared_ptr<const AvroSchema> for_schema,
                   std::span<const WantedField> wanted)
    : schema(std::move(for_schema)) {
    for (const AvroType& type : schema->types) scalars.push_back(scalar_of(type));
    Planning(*this).plan(wish_for(wanted));
}

}  // namespace sluice
