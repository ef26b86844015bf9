from beforehand.gradients.theory import half_range, rounding_cost
from beforehand.studies.thc import published

SOLVED = published.solved()


def test_the_29_tables_are_those_that_the_code_ships():
    assert len(SOLVED) == len({(each.bits, each.granularity, each.inverse) for each in SOLVED}) == 29
    for each in SOLVED:
        if each.shipped is not None:
            assert len(each.shipped) == 2**each.bits
            assert (each.shipped[0], each.shipped[-1]) == (0, each.granularity)
            assert [each.granularity - point for point in reversed(each.shipped)] == list(each.shipped)


def test_all_that_name_each_point_once_come_out_and_the_others_are_beaten():
    found = published.are_optima(SOLVED)
    assert found.holds
    assert found.figure.startswith("27 of 27 equal our symmetric optimum")
    assert "in 9 of these, by at most 2.6 %, and in 2 of the 2" in found.figure


def test_a_table_that_is_off_by_a_point_is_noticed():
    place = next(index for index, each in enumerate(SOLVED) if each.granularity == 30 and each.inverse == 32)
    changed = list(SOLVED)
    changed[place] = changed[place]._replace(symmetric=(0, 2, *SOLVED[place].symmetric[2:]))
    found = published.are_optima(changed)
    assert not found.holds
    assert found.direction


def test_a_repeated_point_leaves_fifteen_in_symmetry():
    for points in published._with_two_eights():
        assert len(points) == 16
        assert sorted(points) == list(points)
        assert points.count(8) == 2
        assert [16 - point for point in reversed(points)] == list(points)
    t = half_range(1 / 32)
    cost = next(each.theirs for each in SOLVED if each.shipped is None and each.inverse == 32)
    assert cost == min(rounding_cost(points, t) for points in published._with_two_eights())


def test_the_sheet_shows_every_table():
    rows = published.sheet(SOLVED).rows
    assert len(rows) == 29
    assert [row[4] for row in rows].count("degenerate") == 2
