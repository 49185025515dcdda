"""A CSV, Parquet or npz file as a task: what is read of good ones, and one line for bad ones."""

import io
import tracemalloc
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from nas.errors import TaskError
from nas.models.own_tables import data_of_table
from nas.models.own_tasks import own_task


def test_a_csv_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,label\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(20)))
    data = data_of_table(path)
    assert data.x.shape == (20, 2)
    assert own_task("table", data).classes == ("x", "y")


def test_numbers_of_many_kinds_are_a_regression(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,price\n" + "".join(f"{i},{i / 3}\n" for i in range(30)))
    assert data_of_table(path).kind == "regression"


def test_a_parquet_file(tmp_path):
    columns = {"a": list(range(20)), "b": [0.5] * 20, "label": ["x", "y"] * 10}
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    data = data_of_table(tmp_path / "table.parquet")
    assert data.x.shape == (20, 2)
    assert own_task("table", data).classes == ("x", "y")


def test_a_parquet_file_with_a_missing_label(tmp_path):
    columns = {"a": list(range(20)), "label": ["x", None] * 10}
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    with pytest.raises(TaskError, match="10 of 20 labels are missing"):
        own_task("table", data_of_table(tmp_path / "table.parquet"))


FRAME = pd.DataFrame({"p": range(40), "q": [0.5, 2] * 20, "y": ["no", "yes"] * 20})


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.sample(frac=1, random_state=0),
        FRAME.set_index(pd.Index([*range(100, 140)], name="id")),
        FRAME.set_index([pd.Index([3] * 40, name="z"), pd.Index([7] * 40)]),
    ],
)
def test_the_index_of_a_frame_is_neither_feature_nor_target(tmp_path, frame):
    frame.to_parquet(tmp_path / "table.parquet")
    data = data_of_table(tmp_path / "table.parquet")
    assert data.x.tolist() == frame[["p", "q"]].to_numpy().tolist()
    assert data.y.tolist() == frame["y"].tolist()


def test_a_frame_of_which_the_index_leaves_no_feature(tmp_path):
    FRAME[["p", "y"]].set_index("y").to_parquet(tmp_path / "table.parquet")
    with pytest.raises(TaskError, match=r"has 1 column\(s\)"):
        data_of_table(tmp_path / "table.parquet")


def test_the_index_of_a_frame_in_csv_is_refused(tmp_path):
    FRAME.to_csv(tmp_path / "table.csv")
    with pytest.raises(TaskError, match=r"column 1 has no name; .*\(index=False\), or name it"):
        data_of_table(tmp_path / "table.csv")
    FRAME.to_csv(tmp_path / "table.csv", index=False)
    assert data_of_table(tmp_path / "table.csv").x.shape == (40, 2)


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "table.parquet").write_text("no")
    with pytest.raises(TaskError, match="give a Parquet file of numbers"):
        data_of_table(tmp_path / "table.parquet")


def test_an_npz_file(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((9, 2, 5)), y=np.arange(9) % 3)
    data = data_of_table(tmp_path / "mine.npz")
    assert (data.x.shape, data.kind) == ((9, 2, 5), "classification")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (pyarrow.array([[1], [1, 2]] * 10), "list<.*>"),
        (pyarrow.array([Decimal("1.5"), Decimal("2.5")] * 10), "decimal128"),
        (pyarrow.array([b"a", b"b"] * 10), "binary"),
        (pyarrow.array([1, 2] * 10, pyarrow.timestamp("s")), "timestamp"),
        (pyarrow.nulls(20), "null"),
        (pyarrow.array([b"a", b"b"] * 10).dictionary_encode(), "binary"),
    ],
)
def test_a_parquet_target_of_another_kind_is_one_line(tmp_path, target, said):
    table = pyarrow.table({"a": pyarrow.array(range(20)), "y": target})
    parquet.write_table(table, tmp_path / "table.parquet")
    with pytest.raises(TaskError, match=rf"target 'y' is of {said}.*; give numbers or texts"):
        data_of_table(tmp_path / "table.parquet")


@pytest.mark.parametrize(
    "target", [["x", "y"] * 10, [1, 2] * 10, [True, False] * 10, pd.Categorical(["x", "y"] * 10)]
)
def test_a_parquet_target_of_texts_or_numbers(tmp_path, target):
    pd.DataFrame({"a": range(20), "y": target}).to_parquet(tmp_path / "table.parquet")
    assert len(own_task("table", data_of_table(tmp_path / "table.parquet")).classes) == 2


@pytest.mark.parametrize("kind", ["m8[ns]", "M8[ns]", "complex128", "S4"])
def test_npz_targets_of_another_kind_are_one_line(tmp_path, kind):
    np.savez(tmp_path / "mine.npz", x=np.arange(40).reshape(20, 2), y=np.arange(20).astype(kind))
    with pytest.raises(TaskError, match=r"mine: y holds .*; give numbers or texts") as caught:
        own_task("mine", data_of_table(tmp_path / "mine.npz"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,x\n2,\n", "line 3 has no label"),
        ("a,b\n1,x\n2\n", r"rows have \[1, 2\] columns"),
        ("a,b\nred,x\n", "write categories as numbers"),
        ("", "is empty"),
        ("a,b\n", "has no rows below its header; give samples"),
        ("a,b\n\n\n1,x\n2,\n", "line 5 has no label"),
        ('a,b\n"1\n",x\n2,y\nred,x\n', "line 5: could not convert string to float: 'red'; write"),
        ("a,b\n" + "y" * 300 + ",x\n", f"line 2: .*: '{'y' * 40}'; write categories as numbers"),
        ('a,b\n\n1,x\n2,"y\n' + "3,x\n" * 99, "line 4: a quote is opened and never closed; close"),
        ('a,b\n1,"x"y\n', "line 2: a cell goes on after its closing quote; double"),
        ("a;b\n1;x\n", "between semicolons"),
        ("1,2\n3,4\n", "line 1 holds numbers only"),
        ("a,a,b\n1,2,x\n", "column 'a' is there twice"),
        ('a,b\n1,"x\n' + "x" * 200_000, "line 2: a cell has more than 131,072 char"),
    ],
)
def test_a_bad_csv_file_is_one_line(tmp_path, text, said):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(TaskError, match=said) as caught:
        data_of_table(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 120


@pytest.mark.parametrize("stray", ["NA", "<NA>", "nan", "N/A", "null"])
@pytest.mark.parametrize(
    ("others", "said"),
    [
        (range(60), "is no number, others are; fill or drop the line"),  # a regression
        ([0, 1] * 30, "is no number, others are"),  # classes by number
        (["no", "yes"] * 30, "stands for none; fill or drop the line"),
    ],
)
def test_a_missing_target_is_told_by_its_line(tmp_path, stray, others, said):
    targets = [*map(str, others)]
    targets[41] = stray
    rows = [f"{index},{target}\n" for index, target in enumerate(targets)]
    rows.insert(20, "\n")
    (tmp_path / "table.csv").write_text("a,b\n" + "".join(rows))
    with pytest.raises(TaskError, match=f"line 44: target '{stray}' {said}"):
        data_of_table(tmp_path / "table.csv")


def test_a_text_among_numbers_is_a_class_only_where_they_may_be_classes(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i / 7 if i != 42 else '?'}\n" for i in range(60)))
    with pytest.raises(TaskError, match=r"line 44: target '\?' is no number, others are"):
        data_of_table(path)
    path.write_text("a,b\n" + "".join(f"{i},{('0', '1', 'other')[i % 3]}\n" for i in range(60)))
    assert own_task("table", data_of_table(path)).classes == ("0", "1", "other")


def test_none_is_a_class(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{i},{('None', 'cyst')[i % 2]}\n" for i in range(60)))
    assert own_task("table", data_of_table(path)).classes == ("None", "cyst")


def test_an_npz_file_without_targets(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.zeros((9, 2)))
    with pytest.raises(TaskError, match=r"mine.npz: holds no y; save it by np\.savez"):
        data_of_table(tmp_path / "mine.npz")


def test_a_missing_value_of_a_csv_file_is_told_by_its_sample(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{i if i != 4 else ''},{'xy'[i % 2]}\n" for i in range(20)))
    with pytest.raises(TaskError, match="1 of 20 samples hold NaN"):
        own_task("table", data_of_table(path))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "table.csv"
    rows = "".join(f"{i},{i % 2}\n" for i in range(20))
    path.write_bytes(b"\xef\xbb\xbf" + f'"a",label\n{rows}'.encode())
    task = own_task("table", data_of_table(path))
    assert (task.input_shape, task.classes) == ((1,), ("0", "1"))


def test_a_csv_file_of_another_encoding(tmp_path):
    (tmp_path / "table.csv").write_bytes("a,b\n1,gr\xfcn\n".encode("latin-1"))
    with pytest.raises(TaskError, match="save it as UTF-8"):
        data_of_table(tmp_path / "table.csv")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [1, None] * 10, "label": ["x", "y"] * 10}, r"'a' has 10 null\(s\)"),
        ({"a": ["1", "2"] * 10, "label": ["x", "y"] * 10}, "'a' is of (large_)?string"),
        ({"label": ["x", "y"] * 10}, r"has 1 column\(s\)"),
        ({"a": pyarrow.array([], pyarrow.int64()), "label": []}, "and 0 rows"),
    ],
)
def test_a_bad_parquet_file_is_one_line(tmp_path, columns, said):
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    with pytest.raises(TaskError, match=said):
        data_of_table(tmp_path / "table.parquet")


def test_bad_npz_files_are_one_line_and_nothing_is_unpickled(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.array([{"a": 1}], object), y=np.zeros(1))
    with pytest.raises(TaskError, match="Object arrays cannot be loaded"):
        data_of_table(path)
    whole = path.read_bytes()
    np.save(tmp_path / "one.npy", np.zeros(3))
    for content in (b"", b"no", whole[: len(whole) // 2], (tmp_path / "one.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(TaskError, match=r"is empty|is cut off, damaged or no npz") as caught:
            data_of_table(path)
        assert "\n" not in str(caught.value)


def test_arrays_and_tables_beyond_memory_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "mine.npz"
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 4)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, header.getvalue())
    with pytest.raises(TaskError, match=r"mine.npz: .*; give fewer samples"):
        data_of_table(path)


def test_a_code_with_an_underscore_is_no_number(tmp_path):
    (tmp_path / "mine.csv").write_text("a,b\n1_0,1\n2,0\n")
    with pytest.raises(TaskError, match="'1_0'; write categories as numbers"):
        data_of_table(tmp_path / "mine.csv")
    (tmp_path / "mine.csv").write_text("a,b\n1,1_0\n2,1_1\n")
    assert data_of_table(tmp_path / "mine.csv").y.tolist() == ["1_0", "1_1"]


def test_a_csv_file_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with path.open("r+b") as file:
        file.truncate(10**15 // 100)  # 10 TB of nothing, which take no room on the disk
    with pytest.raises(TaskError, match=r"holds 10000\.0 GB, and .* GB of memory are free; give"):
        data_of_table(path)


def test_a_csv_file_takes_a_number_and_not_a_text_a_cell(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b,c\n" + "3,4,1\n5,6,0\n" * 20_000)
    tracemalloc.start()
    found = data_of_table(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.x.shape == (40_000, 2)
    assert peak < 14 * path.stat().st_size  # the texts of all cells alone take 16 times
