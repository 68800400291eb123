"""The sandbox bank: a bank to practise with, by HTTP and by files, that misbehaves on request.

``bank_book`` keeps its accounts, ``bank_file`` stores them; ``desk`` takes orders, ``sandbox`` serves it by
HTTP and ``file_bank`` by files; ``faults`` says what goes wrong, ``callbacks`` notifies the product.
"""
