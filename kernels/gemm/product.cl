// What a product is part of: nothing, many products of one size, or a training step, which says so in front of
// this file (train/product.cl). It is put in front of each kernel of the family and is no program by itself.
//
//   BATCHED             product z of the launch's third dimension takes its operands, and puts C, z times
//                       a_next, b_next, c_next elements on
//
//   PRODUCT_ARGUMENTS   further arguments of the kernel
//   PRODUCT_ENTER       where the operands of this work-item's product begin
//   PRODUCT_ADDS        whether the product is added to what C holds
//   PRODUCT_COPIED      what is done with rows of A that were copied (packed.cl)
//   PRODUCT_FINISH      what is done to finished elements; only a training step has it

#ifdef BATCHED
#define PRODUCT_ARGUMENTS , const int a_next, const int b_next, const int c_next
#define PRODUCT_ENTER                          \
    a += get_global_id(2) * (size_t)a_next;    \
    b += get_global_id(2) * (size_t)b_next;    \
    c += get_global_id(2) * (size_t)c_next;
#endif

#ifndef PRODUCT_ARGUMENTS
#define PRODUCT_ARGUMENTS
#define PRODUCT_ENTER
#endif
#ifndef PRODUCT_ADDS
#define PRODUCT_ADDS 0
#endif
#ifndef PRODUCT_COPIED
#define PRODUCT_COPIED(copied, row, rows, depth, is_first)
#endif
