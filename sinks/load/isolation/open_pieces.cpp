#include "sinks/load/isolation/open_pieces.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
namespace {
constexpr std::size_t most_aside = 8;
}  // namespace

Piece OpenPieces::take() {
    Piece piece = std::move(pieces_.back());
    pieces_.pop_back();
    return piece;
}

Piece OpenPieces::take(std::size_t window) {
    Piece piece = take();
    // A rest that is hardly worth a COPY of its own comes along.
    if (!piece.proven && piece.aside.empty() && piece.size() > window + window / 2) {
        Piece rest = piece;
        rest.begin = piece.end = piece.begin + window;
        rest.doubted = false;
        put(std::move(rest));
    }
    return piece;
}

void OpenPieces::reopen(std::size_t row) {
    const auto before =
        std::ranges::find_if(pieces_, [&](const Piece& piece) { return piece.begin <= row; });
    if (before == pieces_.end() || before->end <= row)
        pieces_.insert(before, {.begin = row, .end = row + 1});
}

std::vector<std::size_t> OpenPieces::rows() const {
    std::vector<std::size_t> left;
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece)
        for (std::size_t row = piece->begin; row < piece->end; ++row)
            if (rows_.has(row)) left.push_back(row);
    return left;
}

void OpenPieces::split(const Piece& piece, std::size_t row) {
    const auto part = [&](std::size_t begin, std::size_t end, Piece kind) {
        kind.begin = begin;
        kind.end = end;
        kind.judged = piece.judged;
        if (begin < end) put(std::move(kind));
    };
    part(row + 1, piece.end, {});
    part(row, row + 1, {.accused = true});
    part(piece.begin, row, {.proven = true});
}

void OpenPieces::halve(const Piece& piece) {
    for (const std::size_t row : piece.aside) rows_.put_back(row);
    Piece half{.judged = piece.judged, .doubted = piece.doubted || piece.proven};
    const std::size_t middle = piece.begin + piece.size() / 2;
    half.begin = middle;
    half.end = piece.end;
    put(half);
    half.begin = piece.begin;
    half.end = middle;
    put(half);
}

void OpenPieces::set_aside(Piece piece, std::size_t row, std::size_t window) {
    const std::size_t end = piece.end;
    // Segments fail in an order of their own: this row may be the first of all.
    if (piece.aside.size() == most_aside)
        piece.end = std::max(row, *piece.aside.rbegin());
    else if (piece.aside.empty())
        piece.end = std::min(end, std::max(row + 1, piece.begin + window));
    // Segments stop at different times: what is behind the new end may have been set aside.
    while (!piece.aside.empty() && *piece.aside.rbegin() >= piece.end) {
        rows_.put_back(*piece.aside.rbegin());
        piece.aside.erase(std::prev(piece.aside.end()));
    }
    if (piece.end < end) put({.begin = piece.end, .end = end, .judged = piece.judged});
    if (row < piece.end) {
        rows_.leave_out(row);
        piece.aside.insert(row);
    }
    if (piece.begin < piece.end) put(std::move(piece));
}

void OpenPieces::accuse(const std::set<std::size_t>& aside) {
    for (auto row = aside.rbegin(); row != aside.rend(); ++row) {
        rows_.put_back(*row);
        put({.begin = *row, .end = *row + 1, .accused = true});
    }
}

}  // namespace sluice
