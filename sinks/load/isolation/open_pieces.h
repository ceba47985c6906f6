#pragma once

#include "sinks/load/isolation/changed_rows.h"

#include <cstddef>
#include <set>
#include <vector>

namespace sluice {

/// Consecutive rows of a load.
struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool proven = false;            ///< an error said that what is wrong is behind them: not split
    bool judged = false;            ///< offenders are out: worth trying as a whole
    bool accused = false;           ///< one row, by an error's text: whether that is true shows now
    bool doubted = false;           ///< an error's text has misled here: halves instead
    std::set<std::size_t> aside{};  ///< rows of it that are tried alone once it is loaded

    [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// What of a load is still to be tried, in order.
class OpenPieces {
public:
    /// What is set aside is left out of `rows`, which must outlive it.
    explicit OpenPieces(ChangedRows& rows) : rows_(rows) {}
    OpenPieces(const OpenPieces&) = delete;
    OpenPieces& operator=(const OpenPieces&) = delete;

    void clear() { pieces_.clear(); }
    [[nodiscard]] bool empty() const { return pieces_.empty(); }
    [[nodiscard]] bool has_one() const { return pieces_.size() == 1; }
    /// The first of them.
    [[nodiscard]] Piece& next() { return pieces_.back(); }
    [[nodiscard]] const Piece& next() const { return pieces_.back(); }
    /// Before all others.
    void put(Piece piece) { pieces_.push_back(std::move(piece)); }
    [[nodiscard]] Piece take();
    /// The first, or as much of it as such a window holds.
    [[nodiscard]] Piece take(std::size_t window);
    /// A row gets its try, unless it is in a piece that is open.
    void reopen(std::size_t row);
    /// The rows that are left of all.
    [[nodiscard]] std::vector<std::size_t> rows() const;

    // A piece has failed, and comes back in parts:

    /// This row is the bad one, as the error said.
    void split(const Piece& piece, std::size_t row);
    /// What was set aside comes back: nothing says where to look.
    void halve(const Piece& piece);
    /// This row is tried once others are loaded. If the error misleads, that costs the row a COPY
    /// of its own, and what follows is doubted. `window`: as far as such a piece should go.
    void set_aside(Piece piece, std::size_t row, std::size_t window);
    /// A piece is loaded: what was set aside is next.
    void accuse(const std::set<std::size_t>& aside);

private:
    ChangedRows& rows_;
    std::vector<Piece> pieces_;  ///< the next one last
};

}  // namespace sluice
