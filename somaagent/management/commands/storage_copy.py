"""`manage.py storage_copy`: the files of the folder go to the bucket, or back."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel.storage.copying import copy_all
from kernel.storage.ports import STORAGE, Storage, StorageAway
from somaagent.wiring import folder_of


class Command(BaseCommand):
    help = "Copy every file from the folder to the bucket and compare. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--back", action="store_true", help="from the bucket to the folder")
        parser.add_argument(
            "--replace", action="store_true", help="overwrite files that are different there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SOMA.files_in_s3:
            raise CommandError("SA01_STORAGE_ADAPTER is not s3: there is no bucket.")
        folder: Storage = folder_of(settings.SOMA)
        bucket = STORAGE.get()
        source, target = (bucket, folder) if options["back"] else (folder, bucket)
        counts: Counter[str] = Counter()
        try:
            for place, outcome in copy_all(source, target, replace=options["replace"]):
                counts[outcome] += 1
                if outcome == "different":
                    self.stderr.write(f"different there: {place}")
        except StorageAway as exc:
            raise CommandError(
                f"{exc.detail} ({exc.data.get('reason')}); {counts['copied']} files were copied. "
                "Run it again: what is there is not copied twice."
            ) from exc
        self.stdout.write(f"copied {counts['copied']}, there already {counts['same']}")
        if counts["different"]:
            raise CommandError(f"{counts['different']} files are different there; nothing was lost")
